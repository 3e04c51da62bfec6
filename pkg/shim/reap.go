package shim

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes the shim the parent of every descendant whose own parent ends, as PID 1 is already.
func (l *life) adoptOrphans() {
	if os.Getpid() == 1 {
		return
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		l.log.Warn("Orphans will not be reaped.", "error", err)
	}
}

// reapAll collects every child that has ended, and tells whether children are left.
func reapAll() (left bool) {
	return reap(func(int, syscall.WaitStatus) {}, 0)
}

// reap collects every child that has ended and shows each to seen. With unix.WUNTRACED as options it shows those that
// were stopped too. It tells whether children are left.
func reap(seen func(pid int, status syscall.WaitStatus), options int) (left bool) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, unix.WNOHANG|options, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil: // ECHILD
			return false
		case pid == 0:
			return true
		default:
			seen(pid, status)
		}
	}
}
