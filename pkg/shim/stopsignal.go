package shim

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// StopSignal is the signal by which a container is told to stop.
type StopSignal syscall.Signal

// The real-time signals that programs may use, as container runtimes and C libraries number them.
const (
	rtMin syscall.Signal = 34
	rtMax syscall.Signal = lastSignal
)

// MarshalText writes the signal as a flag has it.
func (s StopSignal) MarshalText() ([]byte, error) {
	if above := syscall.Signal(s) - rtMin; above >= 0 {
		return fmt.Appendf(nil, "SIGRTMIN+%d", above), nil
	}
	return []byte(unix.SignalName(syscall.Signal(s))), nil
}

// UnmarshalText reads a name as Kubernetes has it, such as SIGINT or SIGRTMIN+1.
func (s *StopSignal) UnmarshalText(text []byte) error {
	*s = StopSignal(signalNamed(string(text)))
	if *s == 0 {
		return fmt.Errorf("%q is no signal", text)
	}
	return nil
}

// signalNamed returns 0 for a name that no signal has.
func signalNamed(name string) syscall.Signal {
	switch name {
	case "SIGCLD":
		return unix.SIGCHLD
	case "SIGIOT":
		return unix.SIGABRT
	case "SIGPOLL":
		return unix.SIGIO
	}
	if rest, ok := strings.CutPrefix(name, "SIGRTMIN"); ok {
		return realTime(rtMin, rest, "+")
	}
	if rest, ok := strings.CutPrefix(name, "SIGRTMAX"); ok {
		return realTime(rtMax, rest, "-")
	}
	return unix.SignalNum(name)
}

// realTime is the signal so far above or below another; 0 where there is none.
func realTime(from syscall.Signal, distance, sign string) syscall.Signal {
	if distance == "" {
		return from
	}
	digits, ok := strings.CutPrefix(distance, sign)
	n, err := strconv.ParseUint(digits, 10, 8)
	if !ok || err != nil || n > uint64(rtMax-rtMin) {
		return 0
	}
	if sign == "-" {
		return from - syscall.Signal(n)
	}
	return from + syscall.Signal(n)
}

// stops tells whether a signal tells the container to stop.
func (l *life) stops(sig os.Signal) bool { return sig == syscall.Signal(l.opts.StopSignal) }
