package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
	"gotest.tools/v3/icmd"
)

// plain are the arguments of a shim in a plain shell.
func plain(command ...string) []string {
	return append([]string{"shim", "--no-wait", "--no-hold", "--"}, command...)
}

func runPlain(command ...string) *icmd.Result {
	args := plain(command...)
	return icmd.RunCmd(icmd.Command(args[0], args[1:]...), icmd.WithTimeout(timeout))
}

func contains(s, text string) bool { return strings.Contains(s, text) }

func TestInAPlainShellTheCommandJustRuns(t *testing.T) {
	dir := fs.NewDir(t, "nothing")
	icmd.RunCommand("shim", "--no-wait", "--no-hold", "--run-dir="+dir.Join("run"), "--", "sh", "-c", "cat; echo err >&2; exit 3").
		Assert(t, icmd.Expected{ExitCode: 3, Err: "err\n"})
	assert.Assert(t, fs.Equal(dir.Path(), fs.Expected(t)), "nothing is made")
	icmd.RunCmd(icmd.Command("shim", plain("cat")[1:]...), icmd.WithStdin(strings.NewReader("through"))).
		Assert(t, icmd.Expected{Out: "through", Err: icmd.None})
}

func TestE13ACommandThatIsNotThereIs127(t *testing.T) {
	runPlain("no-such-command").Assert(t, icmd.Expected{ExitCode: 127, Err: "was not found in PATH"})
	runPlain("/no/such/command").Assert(t, icmd.Expected{ExitCode: 127, Err: "was not found"})
	runPlain("").Assert(t, icmd.Expected{ExitCode: 127, Err: "was not found"})
}

func TestE14ACommandThatCannotBeExecutedIs126(t *testing.T) {
	dir := fs.NewDir(t, "commands",
		fs.WithFile("text", "echo hello\n", fs.WithMode(0o755)),
		fs.WithFile("mode", "#!/bin/sh\n", fs.WithMode(0o644)))
	runPlain(dir.Path()).Assert(t, icmd.Expected{ExitCode: 126, Err: "is a directory"})
	runPlain(dir.Join("mode")).Assert(t, icmd.Expected{ExitCode: 126, Err: "permission denied"})
	runPlain(dir.Join("text")).Assert(t, icmd.Expected{ExitCode: 126, Err: "#! line"})
}

func TestE15WithoutPATHTheUsualPlacesAreSearched(t *testing.T) {
	icmd.RunCommand("env", "-u", "PATH", shimPath(t), "--no-wait", "--no-hold", "--", "sh", "-c", "echo found").
		Assert(t, icmd.Expected{Out: "found"})
	icmd.RunCommand("env", "PATH=/nowhere", shimPath(t), "--no-wait", "--no-hold", "--", "sh").
		Assert(t, icmd.Expected{ExitCode: 127, Err: "(/nowhere)"})
}

func TestE16AWorkingDirectoryThatWasRemovedStopsNothing(t *testing.T) {
	icmd.RunCommand("sh", "-c", `mkdir "$1/gone" && cd "$1/gone" && rmdir "$1/gone" && exec shim --no-wait --no-hold -- sh -c 'exit 7'`, "sh", t.TempDir()).
		Assert(t, icmd.Expected{ExitCode: 7})
}

func TestE17ArgumentsArriveVerbatim(t *testing.T) {
	args := []string{
		"", " ", "a b", "two\nlines", "$(VAR)", "$$", "$HOME", "*", "--", "--no-wait", "--help", "-", "'", `"`, `\`, "é", "\xff",
		strings.Repeat("x", 100<<10),
	}
	script := append([]string{"sh", "-c", `for a in "$@"; do printf '%s\0' "$a"; done`, "sh"}, args...)
	result := runPlain(script...)
	result.Assert(t, icmd.Success)
	assert.Equal(t, result.Stdout(), strings.Join(args, "\x00")+"\x00")
	runPlain("sh", "-c", `echo "$0"`).Assert(t, icmd.Expected{Out: "sh\n"})
}

func TestE18AScriptRunsByItsFirstLineAndWithoutThatInterpreterIs127(t *testing.T) {
	dir := fs.NewDir(t, "scripts",
		fs.WithFile("script", "#!/bin/sh -e\necho \"$0 $1\"\n", fs.WithMode(0o755)),
		fs.WithFile("orphan", "#!/no/such/interpreter\n", fs.WithMode(0o755)))
	runPlain(dir.Join("script"), "arg").Assert(t, icmd.Expected{Out: dir.Join("script") + " arg"})
	runPlain(dir.Join("orphan")).Assert(t, icmd.Expected{ExitCode: 127, Err: "interpreter or loader"})
}

func TestE18AnImageWithNothingInItIsEnough(t *testing.T) {
	root := t.TempDir()
	data, err := os.ReadFile(shimPath(t))
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(filepath.Join(root, "shim"), data, 0o755))
	args := []string{"--map-root-user", "chroot", root, "/shim"}
	icmd.RunCommand("unshare", append(args, "--no-wait", "--no-hold", "--", "/shim", "--version")...).
		Assert(t, icmd.Expected{Out: "hand-off version 1", Err: icmd.None})
	icmd.RunCommand("unshare", append(args, "--no-wait", "--no-hold", "--", "sh")...).
		Assert(t, icmd.Expected{ExitCode: 127, Err: "was not found"})
}

// surroundings prints what a process inherits.
const surroundings = `
umask
pwd
env | grep -v ^SCRIPT | sort
ulimit -a
ulimit -Ha
nice
cat /proc/self/oom_score_adj
ls /proc/self/fd
grep -E '^(Sig(Blk|Ign|Cgt)|ShdPnd|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status
`

func TestE20AndE21TheCommandFindsTheSurroundingsOfAnUnwrappedOne(t *testing.T) {
	for name, prepare := range map[string]string{
		"as usual":                    "",
		"an umask":                    "umask 027",
		"limits":                      "ulimit -c 0; ulimit -Sn 300",
		"signals ignored as by nohup": "trap '' HUP INT TSTP",
		"an open file":                "exec 7</dev/null",
		"no standard input":           "exec </dev/null",
		"an odd environment":          "export EMPTY= GODEBUG=schedtrace=0 GOMAXPROCS=1 MULTI='a b'",
	} {
		t.Run(name, func(t *testing.T) {
			run := func(wrap string) string {
				script := fmt.Sprintf("%s\nexec %s sh -c \"$SCRIPT\"", prepare, wrap)
				result := icmd.RunCmd(icmd.Command("sh", "-c", script), icmd.WithEnv(append(os.Environ(), "SCRIPT="+surroundings)...))
				result.Assert(t, icmd.Success)
				return result.Stdout()
			}
			assert.Equal(t, run("shim --no-wait --no-hold --"), run(""))
		})
	}
}

// The Go runtime forgets that SIGHUP, SIGINT, SIGQUIT, SIGTERM and synchronous signals were blocked, see README.md.
func TestE21SignalsThatWereBlockedAreBlockedInTheCommandAndNoOther(t *testing.T) {
	runtime.LockOSThread() // a child inherits the signal mask of the thread that makes it
	defer runtime.UnlockOSThread()
	var blocked, before unix.Sigset_t
	blocked.Val[0] = 1<<(unix.SIGUSR2-1) | 1<<(unix.SIGCONT-1) | 1<<(40-1)
	assert.NilError(t, unix.PthreadSigmask(unix.SIG_SETMASK, &blocked, &before))
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) //nolint:errcheck // test
	runPlain("grep", "SigBlk", "/proc/self/status").Assert(t, icmd.Expected{Out: "SigBlk:\t0000008000020800\n"})
}

func TestE28TheCommandsCodeIsTheContainers(t *testing.T) {
	w := newWrapped(t)
	for _, code := range []int{0, 1, 2, 42, 125, 126, 127, 128, 137, 143, 199, 200, 201, 202, 203, 204, 254, 255} {
		args := w.args([]string{"--no-wait", "--no-hold"}, "sh", "-c", fmt.Sprintf("exit %d", code))
		icmd.RunCommand(args[0], args[1:]...).Assert(t, icmd.Expected{ExitCode: code, Err: icmd.None})
		assert.Equal(t, w.terminationMessage(), "", "code %d is the command's own", code)
	}
}

func TestE28DeathBySignalIs128AndTheSignal(t *testing.T) {
	for _, sig := range []int{1, 2, 6, 9, 11, 15, 34, 64} {
		runPlain("sh", "-c", fmt.Sprintf("ulimit -c 0; kill -%d $$", sig)).Assert(t, icmd.Expected{ExitCode: 128 + sig})
	}
}

func TestWrongFlagsAre204WithASentence(t *testing.T) {
	w := newWrapped(t)
	icmd.RunCommand("shim", "--termination-message-path="+w.message, "--no-hold", "echo").
		Assert(t, icmd.Expected{ExitCode: 204, Err: "before --"})
	assert.Assert(t, contains(w.terminationMessage(), `Wrong flags of the shim: unexpected argument "echo" before --.`))
}

func TestHelpAndVersionGoToStandardOutput(t *testing.T) {
	icmd.RunCommand("shim", "--help").Assert(t, icmd.Expected{Out: "--sidecar-timeout", Err: icmd.None})
	icmd.RunCommand("shim", "install", "--help").Assert(t, icmd.Expected{Out: "--run-dir", Err: icmd.None})
	icmd.RunCommand("shim", "--version").Assert(t, icmd.Expected{Out: "hand-off version 1", Err: icmd.None})
}

func TestLogsAreJSONWhenAskedFor(t *testing.T) {
	icmd.RunCommand("shim", "--log-format=json", "--log-level=info", "--no-wait", "--no-hold", "--", "true").
		Assert(t, icmd.Expected{Err: `"msg":"The command has ended.","component":"shim","exitCode":0`})
}
