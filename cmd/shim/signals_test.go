package main_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
)

// uncatchable are not forwarded: two cannot be caught, the others are the shim's own business or the Go runtime's.
func uncatchable(sig syscall.Signal) bool {
	switch sig {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGURG, unix.SIGPROF, 32, 33, 34:
		return true
	}
	return false
}

func TestE22EverySignalIsForwardedOnce(t *testing.T) {
	p := start(t, plain(helper("signals")...)...)
	p.prints("listening")
	want := "listening\n"
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		if uncatchable(sig) {
			continue
		}
		p.signal(sig)
		line := "got " + strconv.Itoa(int(sig)) + "\n"
		p.prints(line)
		want += line
	}
	p.signal(unix.SIGCHLD)
	p.signal(unix.SIGURG)
	p.signal(unix.SIGUSR1) // what is forwarded after them shows that they were not
	want += "got 10\n"
	eventually(t, func() bool { return len(p.Stdout()) >= len(want) }, "the last signal")
	assert.Equal(t, p.Stdout(), want)
}

func TestE22SIGURGIsNotForwarded(t *testing.T) {
	p := start(t, plain("sh", "-c", `trap 'echo urgent' URG; trap 'echo asked; exit 4' PWR; echo listening; while :; do sleep 0.01; done`)...)
	p.prints("listening")
	for range 10 {
		p.signal(unix.SIGURG)
	}
	p.signal(unix.SIGPWR) // sh handles what is pending in the order of numbers, so this comes last
	p.wait().Assert(t, icmd.Expected{ExitCode: 4, Out: "listening\nasked\n"})
}

func TestE22ASignalBeforeTheCommandRunsIsNotLost(t *testing.T) {
	for range 20 { // wherever it falls between the start of the shim and that of the command
		p := start(t, plain("sleep", "1000")...)
		eventually(t, func() bool { return catches(p.pid(), unix.SIGTTOU) }, "the shim to catch signals")
		p.signal(unix.SIGTERM)
		p.wait().Assert(t, icmd.Expected{ExitCode: 143})
	}
}

func TestE6SIGTERMWhileWaitingEndsAtOnceAndIsRecorded(t *testing.T) {
	w := newWrapped(t)
	listener := w.sidecar()
	p := w.start(nil, "true")
	greet(t, listener)
	begin := time.Now()
	p.signal(unix.SIGTERM)
	p.wait().Assert(t, icmd.Expected{ExitCode: 143})
	took := time.Since(begin)
	t.Logf("%v", took)
	assert.Assert(t, took < time.Second)
	done := w.done(1)
	assert.Equal(t, done.ExitCode, 143)
	assert.Equal(t, done.Signal, 15)
	assert.Assert(t, done.Terminating)
	assert.Assert(t, done.Started.IsZero())
	assert.Equal(t, w.terminationMessage(), "", "143 needs no explanation")
}

func TestE23AnotherStopSignalEndsTheWaitAndReachesTheCommand(t *testing.T) {
	w := newWrapped(t)
	listener := w.sidecar()
	p := w.start(nil, "true")
	greet(t, listener)
	p.signal(unix.SIGQUIT)
	p.wait().Assert(t, icmd.Expected{ExitCode: 131})

	p = start(t, plain("sh", "-c", `trap 'exit 5' USR1; echo listening; while :; do sleep 0.01; done`)...)
	p.prints("listening")
	p.signal(unix.SIGUSR1)
	p.wait().Assert(t, icmd.Expected{ExitCode: 5})
}

// What ends no process by default, as the signal that stops httpd, tells a shim to stop if the pod says so.
func TestE23TheStopSignalOfThePodEndsTheWait(t *testing.T) {
	w := newWrapped(t)
	listener := w.sidecar()
	p := w.start([]string{"--stop-signal=SIGWINCH"}, "true")
	greet(t, listener)
	p.signal(unix.SIGWINCH)
	p.wait().Assert(t, icmd.Expected{ExitCode: 128 + int(unix.SIGWINCH)})
	assert.Assert(t, w.done(1).Terminating)
}

func TestE23TheStopSignalOfThePodStartsTheGracePeriod(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait", "--no-hold", "--stop-signal=SIGINT", "--grace-period=100ms"}, "sh", "-c",
		"trap '' INT; echo listening; while :; do sleep 0.01; done")
	p.prints("listening")
	p.signal(unix.SIGINT)
	p.wait().Assert(t, icmd.Expected{ExitCode: 137})
	assert.Assert(t, w.done(1).Terminating)
}

func TestE23TheStopSignalOfThePodEndsTheHoldWhenItComesTwice(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait", "--stop-signal=SIGWINCH"}, "true")
	w.done(1)
	p.signal(unix.SIGTERM) // an order too, but not the first of two of the pod's own
	p.signal(unix.SIGWINCH)
	eventually(t, func() bool { return strings.Count(p.Stderr(), "going on until they are") == 2 }, "each to be heeded once")
	assert.Assert(t, !gone(p.pid()))
	p.signal(unix.SIGWINCH)
	p.wait().Assert(t, icmd.Expected{ExitCode: 128 + int(unix.SIGWINCH)})
}

func TestE27AStoppedCommandIsNotTakenForEnded(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait", "--no-hold"}, "sh", "-c", "kill -STOP $$; exit 6")
	command := w.started()
	eventually(t, func() bool { return state(command.PID) == "T" }, "the command to stop")
	p.signal(unix.SIGCONT) // forwarded
	p.wait().Assert(t, icmd.Expected{ExitCode: 6})
}

func TestACommandThatIgnoresSIGTERMIsKilledAfterTheGracePeriod(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait", "--no-hold", "--grace-period=100ms"}, "sh", "-c", "trap '' TERM; echo listening; while :; do sleep 0.01; done")
	p.prints("listening")
	p.signal(unix.SIGTERM)
	p.wait().Assert(t, icmd.Expected{ExitCode: 137})
	done := w.done(1)
	assert.Equal(t, done.Signal, 9)
	assert.Assert(t, done.Terminating)
}

func TestACommandThatEndsOnSIGTERMWasTerminating(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait", "--no-hold"}, "sleep", "1000")
	command := w.started()
	assert.DeepEqual(t, command.Args, []string{"sleep", "1000"})
	assert.Equal(t, comm(command.PID), "sleep")
	p.signal(unix.SIGTERM)
	p.wait().Assert(t, icmd.Expected{ExitCode: 143})
	done := w.done(1)
	assert.Equal(t, done.Signal, 15)
	assert.Assert(t, done.Terminating)
	assert.Assert(t, !done.Started.IsZero() && !done.Ended.Before(done.Started))
}

func TestABrokenStandardErrorKillsNoCommand(t *testing.T) {
	// The shim logs to a pipe that nobody reads. The command must not be sent the SIGPIPE that writing there raises.
	reader, writer, err := os.Pipe()
	assert.NilError(t, err)
	assert.NilError(t, reader.Close())
	cmd := exec.Command("shim", "--log-level=debug", "--no-wait", "--no-hold", "--", "sh", "-c", "trap 'echo pipe' PIPE; sleep 0.2; exit 8")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, writer
	_ = cmd.Run()
	assert.NilError(t, writer.Close())
	assert.Equal(t, cmd.ProcessState.ExitCode(), 8)
	assert.Equal(t, out.String(), "")
}

// catches tells whether a process has a handler for a signal. The Go runtime has one for most from its start, but for
// SIGTTOU only when it was asked for, which the shim does in the order of their numbers.
func catches(pid int, sig syscall.Signal) bool {
	bits, err := strconv.ParseUint(statusField(pid, "SigCgt"), 16, 64)
	return err == nil && bits&(1<<(sig-1)) != 0
}

func state(pid int) string {
	text, _, _ := strings.Cut(statusField(pid, "State"), " ")
	return text
}

func comm(pid int) string { return statusField(pid, "Name") }
