package main_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
)

// zombies is how many processes end before their orphaning, so that the shim gets them all at once.
const zombies = 10_000

// makeZombies orphans processes that have ended and waits until the shim, its parent, has reaped them all.
func makeZombies() int {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperVariable+"=brood")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fail(err, string(out))
	}
	living, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return fail(err)
	}
	if adopted := statusField(living, "PPid"); adopted != strconv.Itoa(os.Getppid()) {
		return fail("orphans are adopted by process", adopted)
	}
	for deadline := time.Now().Add(timeout / 2); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if zombiesOf(os.Getppid()) == 0 {
			fmt.Println("all reaped")
			return 0
		}
	}
	return fail(zombiesOf(os.Getppid()), "are left")
}

// leaveBrood starts processes, reaps none of them, and ends when all have ended: when none holds the pipe any more. But for one,
// whose number it prints.
func leaveBrood() int {
	reader, writer, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	attr := &syscall.ProcAttr{Files: []uintptr{0, writer.Fd(), 2}}
	for range zombies {
		if _, err := syscall.ForkExec("/bin/true", []string{"true"}, attr); err != nil {
			return fail(err)
		}
	}
	if err := writer.Close(); err != nil {
		return fail(err)
	}
	if _, err := io.ReadAll(reader); err != nil {
		return fail(err)
	}
	living, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "1000"}, &syscall.ProcAttr{Files: []uintptr{0}})
	if err != nil {
		return fail(err)
	}
	fmt.Println(living)
	return 0
}

func fail(why ...any) int {
	fmt.Println(why...)
	return 1
}

func zombiesOf(parent int) int {
	n := 0
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(stat), fmt.Sprintf(") Z %d ", parent)) {
			n++
		}
	}
	return n
}

// statusField returns a field of /proc/<pid>/status, empty if there is no such process.
func statusField(pid int, name string) string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func TestE24TenThousandOrphansAreReaped(t *testing.T) {
	runPlain(helper("zombies")...).Assert(t, icmd.Expected{Out: "all reaped"})
}

func TestE25BesidesPID1OnlyItsOwnDescendantsAreEnded(t *testing.T) {
	bystander := start(t, "sleep", "1000")
	w := newWrapped(t)
	file := filepath.Join(t.TempDir(), "pid")
	p := w.start([]string{"--no-wait", "--no-hold"}, "sh", "-c", `
		sleep 1000 & echo $!
		setsid sh -c 'sleep 1000 & echo $! >"$1"; exec sleep 1000' sh "$1" & echo $!
		while ! [ -s "$1" ]; do sleep 0.01; done
		cat "$1"
		exit 3`, "sh", file)
	result := p.wait()
	result.Assert(t, icmd.Expected{ExitCode: 3})
	pids := strings.Fields(result.Stdout())
	assert.Equal(t, len(pids), 3, "%s", result.Combined())
	for _, text := range pids {
		pid, err := strconv.Atoi(text)
		assert.NilError(t, err)
		assert.Assert(t, gone(pid), "%d", pid)
	}
	assert.Assert(t, !gone(bystander.pid()))
	assert.Assert(t, !gone(os.Getpid()))
}

func TestE26ChildrenThatOutliveTheCommandEndBeforeItIsDone(t *testing.T) {
	w := newWrapped(t)
	marker := filepath.Join(t.TempDir(), "marker")
	p := w.start([]string{"--no-wait"}, "sh", "-c", `
		(trap 'echo late >"$1"; exit' TERM; echo up; while :; do sleep 0.01; done) &
		while ! [ -e "$2" ]; do sleep 0.01; done`, "sh", marker, marker+".go")
	p.prints("up")
	assert.NilError(t, os.WriteFile(marker+".go", nil, 0o600))
	w.done(1)
	data, err := os.ReadFile(marker)
	assert.NilError(t, err, "it was given the time to finish")
	assert.Equal(t, string(data), "late\n")
}

func TestE26AChildThatIgnoresSIGTERMIsKilledAfterTheGrace(t *testing.T) {
	w := newWrapped(t)
	args := w.args([]string{"--no-wait", "--no-hold", "--leftover-grace=200ms"}, "sh", "-c",
		`(trap '' TERM; exec sleep 1000) & while [ "$(cat /proc/$!/comm)" != sleep ]; do :; done; exit 9`)
	begin := time.Now()
	icmd.RunCmd(icmd.Command(args[0], args[1:]...), icmd.WithTimeout(timeout)).Assert(t, icmd.Expected{ExitCode: 9})
	took := time.Since(begin)
	assert.Assert(t, took > 200*time.Millisecond, "%v", took)
	assert.Assert(t, took < 10*time.Second, "%v", took)
}

func TestE26SIGTERMCutsTheGraceOfWhatIsLeftShort(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait", "--no-hold", "--leftover-grace=1h", "--log-level=info"}, "sh", "-c",
		`(trap '' TERM; exec sleep 1000) & while [ "$(cat /proc/$!/comm)" != sleep ]; do :; done; exit 9`)
	eventually(t, func() bool { return contains(p.Stderr(), "has left processes behind") }, "the shim to notice")
	p.signal(unix.SIGTERM)
	p.wait().Assert(t, icmd.Expected{ExitCode: 9})
}

// inNamespace runs a script as a child of PID 1 of a new process namespace; "exec shim …" makes the shim PID 1.
func inNamespace(script string) *icmd.Result {
	args := []string{"--pid", "--fork", "--mount-proc", "--kill-child"}
	if os.Getuid() != 0 {
		args = append(args, "--map-root-user")
	}
	return icmd.RunCmd(icmd.Command("unshare", append(args, "sh", "-c", script)...), icmd.WithTimeout(timeout))
}

func TestAsPID1EverythingLeftBehindIsEndedAndReaped(t *testing.T) {
	inNamespace(`exec shim --no-wait --no-hold --log-level=info -- sh -c '
		[ "$PPID" = 1 ] || exit 70
		setsid sh -c "sleep 1000 & exec sleep 1000" &
		exit 3'`).Assert(t, icmd.Expected{ExitCode: 3, Err: "has left processes behind"})
}

func TestAsPID1SignalsAreForwardedAndOrphansReaped(t *testing.T) {
	inNamespace(`exec shim --no-wait --no-hold -- sh -c '
		trap "exit 5" USR2
		( (exit 0) & )
		while grep -q "^State:.Z" /proc/[0-9]*/status 2>/dev/null; do sleep 0.01; done
		kill -USR2 1
		while :; do sleep 0.01; done'`).Assert(t, icmd.Expected{ExitCode: 5})
}
