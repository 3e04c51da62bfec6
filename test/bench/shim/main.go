// Command shim measures what the shim adds to a container, in the same run with what it is measured against, and prints a
// table. It takes the path of the binary:
//
//	go run ./test/bench/shim dist/linux/amd64/shim
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: shim PATH-OF-THE-SHIM")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// line is one of the table: medians and the spread of so many runs.
type line struct {
	what, target string
	values       []float64
	unit         string
}

func run(binary string) error {
	dir, err := os.MkdirTemp("", "oras-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is in a temporary directory
	b := bench{binary: binary, dir: dir}
	fmt.Println("| what | target | median | range |")
	fmt.Println("| --- | --- | --- | --- |")
	for _, measure := range []func() (line, error){b.size, b.stop, b.end, b.start, b.idle, b.memory} {
		l, err := measure()
		if err != nil {
			return fmt.Errorf("%s: %w", l.what, err)
		}
		slices.Sort(l.values)
		fmt.Printf("| %s | %s | %.2f %s | %.2f to %.2f |\n", l.what, l.target, l.values[len(l.values)/2], l.unit,
			l.values[0], l.values[len(l.values)-1])
	}
	return nil
}

// rounds is how often each is taken that varies.
const rounds = 15

type bench struct {
	binary, dir string
	steps       int
}

// size is that of the binary.
func (b *bench) size() (line, error) {
	l := line{what: "size of the binary", target: "about 3 MB", unit: "MB"}
	info, err := os.Stat(b.binary)
	if err == nil {
		l.values = []float64{float64(info.Size()) / 1e6}
	}
	return l, err
}

// stop is the time from SIGTERM to the end of a shim that waits.
func (b *bench) stop() (line, error) {
	l := line{what: "SIGTERM while waiting, until the shim is gone", target: "under 100 ms", unit: "ms"}
	err := repeat(&l, func() (time.Duration, error) {
		run, cmd, err := b.step(nil, "true")
		if err != nil {
			return 0, err
		}
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		if err := await(run.Attempt("app", 1)); err != nil {
			return 0, err
		}
		time.Sleep(20 * time.Millisecond) // it waits
		start := time.Now()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return 0, err
		}
		_ = cmd.Wait() // 143
		return time.Since(start), nil
	})
	return l, err
}

// end is the time from the end of the command to that of the shim when nothing is to be pushed.
func (b *bench) end() (line, error) {
	l := line{what: "end of the command, until the shim is gone", target: "under 20 ms", unit: "ms"}
	err := repeat(&l, func() (time.Duration, error) {
		_, cmd, err := b.step([]string{"--no-wait"}, "date", "+%s.%N")
		if err != nil {
			return 0, err
		}
		out, err := cmd.Output()
		ended := time.Now()
		if err != nil {
			return 0, err
		}
		seconds, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		return time.Duration(float64(ended.UnixNano()) - seconds*1e9), err
	})
	return l, err
}

// start is the time of a command under the shim beside the same without it.
func (b *bench) start() (line, error) {
	l := line{what: "a whole command that does nothing, beyond one without the shim", target: "", unit: "ms"}
	err := repeat(&l, func() (time.Duration, error) {
		start := time.Now()
		if err := exec.Command("true").Run(); err != nil {
			return 0, err
		}
		bare := time.Since(start)
		_, cmd, err := b.step([]string{"--no-wait"}, "true")
		if err != nil {
			return 0, err
		}
		start = time.Now()
		err = cmd.Run()
		return time.Since(start) - bare, err
	})
	return l, err
}

// idle is the processor time of a shim while its command runs for some seconds.
func (b *bench) idle() (line, error) {
	const while = 5 * time.Second
	l := line{what: "processor time while a command runs for " + while.String(), target: "not measurable", unit: "ms"}
	err := b.running(func(pid int) error {
		before, err := processorTime(pid)
		if err != nil {
			return err
		}
		time.Sleep(while)
		after, err := processorTime(pid)
		l.values = []float64{float64((after - before).Milliseconds())}
		return err
	})
	return l, err
}

// memory is what a shim has resident while its command runs, the pages of its own executable included.
func (b *bench) memory() (line, error) {
	l := line{what: "resident memory while the command runs", target: "under 4 MiB", unit: "MiB"}
	for range rounds {
		err := b.running(func(pid int) error {
			kib, err := resident(pid)
			l.values = append(l.values, float64(kib)/1024)
			return err
		})
		if err != nil {
			return l, err
		}
	}
	return l, nil
}

// resident is the memory that a process has, in KiB, from proc_pid_status(5).
func resident(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for text := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(text, "VmRSS:"); found {
			return strconv.Atoi(strings.Fields(value)[0])
		}
	}
	return 0, fmt.Errorf("process %d says nothing of its memory", pid)
}

// repeat takes a time so many times.
func repeat(l *line, measure func() (time.Duration, error)) error {
	for range rounds {
		d, err := measure()
		if err != nil {
			return err
		}
		l.values = append(l.values, float64(d.Microseconds())/1000)
	}
	return nil
}

// step is a wrapped command in a hand-off of its own, whose sidecar has nothing to push.
func (b *bench) step(flags []string, command ...string) (handoff.Dir, *exec.Cmd, error) {
	b.steps++
	dir := handoff.Dir(filepath.Join(b.dir, strconv.Itoa(b.steps)))
	args := append([]string{"--container=app", "--run-dir=" + string(dir)}, flags...)
	cmd := exec.Command(b.binary, append(append(args, "--"), command...)...)
	return dir, cmd, handoff.Write(dir.Pushed("app", 1), handoff.Pushed{State: handoff.Skipped, Why: "nothing is to be pushed"})
}

// running calls look while a wrapped command runs.
func (b *bench) running(look func(pid int) error) error {
	dir, cmd, err := b.step([]string{"--no-wait"}, "sleep", "1000")
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it runs
		_ = cmd.Wait()                          // 143
	}()
	if err := await(dir.Started("app", 1)); err != nil {
		return err
	}
	return look(cmd.Process.Pid)
}

// await waits until a file is there.
func await(path string) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		_, err := os.Stat(path)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// processorTime is what a process has used of it, in user and system mode, from fields 14 and 15 of proc_pid_stat(5).
func processorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	const tick = 10 * time.Millisecond // of every Linux: USER_HZ is 100
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick, err
}
