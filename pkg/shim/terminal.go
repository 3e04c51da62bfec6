package shim

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

// stdin is the descriptor whose terminal the command is given.
const stdin = 0

// terminal is the one on standard input, if the shim's process group was its foreground.
type terminal struct {
	owned bool
	group int // the shim's process group
}

func ownTerminal() terminal {
	group, err := unix.IoctlGetInt(stdin, unix.TIOCGPGRP)
	return terminal{owned: err == nil && group == unix.Getpgrp(), group: unix.Getpgrp()}
}

// lend makes the process group of the command the terminal's foreground: the terminal's signals go there and it may
// read. The shim goes on writing to it from the background. Only now, after the fork, may SIGTTIN and SIGTTOU be
// ignored: the command would have inherited it.
func (t terminal) lend(group int) error {
	if onTerminal() {
		signal.Ignore(unix.SIGTTIN, unix.SIGTTOU)
	}
	if !t.owned {
		return nil
	}
	return unix.IoctlSetPointerInt(stdin, unix.TIOCSPGRP, group)
}

// takeBack undoes lend, so that what runs next in a shell script can read from the terminal.
func (t terminal) takeBack() {
	if t.owned {
		_ = unix.IoctlSetPointerInt(stdin, unix.TIOCSPGRP, t.group) // a terminal that was hung up has no foreground
	}
}

// onTerminal tells whether any of the standard streams is a terminal.
func onTerminal() bool {
	for fd := range 3 {
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
			return true
		}
	}
	return false
}
