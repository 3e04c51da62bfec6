package shim

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// suspend follows a command that the terminal has stopped, as Ctrl-Z does: the shim stops too, so that the shell it was
// started from sees its job stopped. As PID 1 there is no shell, and the kernel would not have stopped a command in the
// shim's place: it goes on at once.
func (c *command) suspend() {
	if os.Getpid() == 1 {
		c.resume()
		return
	}
	c.terminal.takeBack()
	c.suspended = true
	_ = syscall.Kill(os.Getpid(), unix.SIGSTOP) // nothing keeps a process from stopping itself
}

// resume continues a stopped command, with the terminal if the shell has given it to the shim; in the background it stays
// without, as any job.
func (c *command) resume() {
	c.suspended = false
	if ownTerminal().owned {
		_ = c.terminal.lend(c.pid) // without it the command is stopped again when it reads
	}
	_ = syscall.Kill(-c.pid, unix.SIGCONT) // it is stopped, so it is there
}
