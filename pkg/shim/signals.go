package shim

import (
	"bufio"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// lastSignal is the highest signal number of Linux (SIGRTMAX).
const lastSignal = 64

// signals are what the shim was sent, from catchSignals on until its end; none that comes between two phases is lost.
type signals struct {
	child <-chan os.Signal // SIGCHLD: something may be there to be reaped
	other <-chan os.Signal // to be forwarded to the command, or heeded where there is none
}

// catchSignals starts catching. It comes before the command is forked. Like any handler, it is not inherited: the
// command starts with the dispositions and the mask that the shim was started with.
func catchSignals() signals {
	child := make(chan os.Signal, 1) // one stands for any number
	other := make(chan os.Signal, 4*lastSignal)
	signal.Notify(child, unix.SIGCHLD)
	signal.Notify(other, catchable(ignoredSignals(), onTerminal())...)
	return signals{child: child, other: other}
}

// catchable returns the signals to catch: all but
//   - those that cannot be caught, and SIGCHLD, which is about the shim's own children;
//   - SIGURG, with which the Go runtime interrupts its own threads;
//   - SIGPROF and 32 to 34, which the Go runtime and C libraries keep for themselves: os/signal does not deliver them;
//   - those that were ignored when the shim started, as SIGHUP is under nohup: so they stay for the command;
//   - on a terminal, SIGTTIN and SIGTTOU, which would be about the shim's own use of it.
func catchable(ignored uint64, terminal bool) []os.Signal {
	var all []os.Signal
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		switch sig {
		case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGURG, unix.SIGPROF, 32, 33, 34:
			continue
		case unix.SIGTTIN, unix.SIGTTOU:
			if terminal {
				continue
			}
		}
		if ignored&(1<<(sig-1)) == 0 {
			all = append(all, sig)
		}
	}
	return all
}

// meantForShim tells whether a signal, while there is no command that it could be meant for, is the order to stop: that of
// the pod, and whatever ends a process by default, since STOPSIGNAL of the image may be that, which the shim is not told.
func (l *life) meantForShim(sig syscall.Signal) bool { return l.stops(sig) || endsProcess(sig) }

// endsProcess tells whether a signal ends a process by default; SIGPIPE is taken for one that does not.
func endsProcess(sig syscall.Signal) bool {
	switch sig {
	case unix.SIGCONT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGWINCH, unix.SIGPIPE:
		return false
	}
	return true
}

// ignoredSignals returns the signals that are ignored now, bit n-1 standing for signal n; none if that cannot be known.
// The Go runtime has by then taken over what it handles itself, other than SIGHUP and SIGINT: of those signals it is
// lost that they were ignored.
func ignoredSignals() uint64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close() //nolint:errcheck // only read from
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if mask, found := strings.CutPrefix(lines.Text(), "SigIgn:"); found {
			bits, _ := strconv.ParseUint(strings.TrimSpace(mask), 16, 64) // 0 where it cannot be parsed
			return bits
		}
	}
	return 0
}

// signalNumber is what os/signal delivers on every Unix.
func signalNumber(sig os.Signal) syscall.Signal {
	n, _ := sig.(syscall.Signal)
	return n
}
