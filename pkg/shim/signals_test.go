package shim

import (
	"os"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

func TestE22EverySignalButTheRuntimesOwnIsCaught(t *testing.T) {
	never := []syscall.Signal{unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGURG, unix.SIGPROF, 32, 33, 34}
	caught := catchable(0, false)
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		assert.Equal(t, slices.Contains(caught, os.Signal(sig)), !slices.Contains(never, sig), "signal %d", sig)
	}
}

func TestOnATerminalItsOwnStopSignalsAreLeftAlone(t *testing.T) {
	caught := catchable(0, true)
	assert.Assert(t, !slices.Contains(caught, os.Signal(unix.SIGTTIN)))
	assert.Assert(t, !slices.Contains(caught, os.Signal(unix.SIGTTOU)))
	assert.Assert(t, slices.Contains(caught, os.Signal(unix.SIGTSTP)))
}

func TestE21ASignalThatWasIgnoredIsNotCaughtSoThatItStaysIgnored(t *testing.T) {
	caught := catchable(1<<(unix.SIGHUP-1)|1<<(unix.SIGTSTP-1), false)
	assert.Assert(t, !slices.Contains(caught, os.Signal(unix.SIGHUP)))
	assert.Assert(t, !slices.Contains(caught, os.Signal(unix.SIGTSTP)))
	assert.Assert(t, slices.Contains(caught, os.Signal(unix.SIGTERM)))
}

func TestE23AnyStopSignalEndsTheWait(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2, 37} {
		assert.Assert(t, endsProcess(sig), "signal %d", sig)
		assert.Equal(t, asEnding(new(life).heedBefore("waiting")(sig)).code, 128+int(sig))
	}
	for _, sig := range []syscall.Signal{unix.SIGWINCH, unix.SIGCONT, unix.SIGTSTP, unix.SIGPIPE} {
		assert.NilError(t, new(life).heedBefore("waiting")(sig))
		told := &life{opts: Options{StopSignal: StopSignal(sig)}}
		assert.Equal(t, asEnding(told.heedBefore("waiting")(sig)).code, 128+int(sig))
	}
}

// What comes together with the end of the command was meant for the command, unless it is the order to stop.
func TestSignalsThatTheCommandDidNotLiveToSeeAreNoOrderToStop(t *testing.T) {
	for _, tc := range []struct {
		sent []syscall.Signal
		stop bool
	}{{nil, false}, {[]syscall.Signal{unix.SIGUSR1, unix.SIGHUP}, false}, {[]syscall.Signal{unix.SIGTERM, unix.SIGUSR1}, true}} {
		l := &life{opts: Options{StopSignal: StopSignal(unix.SIGTERM)}, signals: fakeSignals(tc.sent...)}
		assert.Equal(t, l.drain(), tc.stop, "%v", tc.sent)
		assert.Equal(t, len(l.signals.other), 0)
	}
}

// fakeSignals are signals that have come already.
func fakeSignals(sent ...syscall.Signal) signals {
	other := make(chan os.Signal, len(sent))
	for _, sig := range sent {
		other <- sig
	}
	return signals{child: make(chan os.Signal), other: other}
}
