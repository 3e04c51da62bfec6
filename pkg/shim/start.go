package shim

import (
	"os"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// command is the wrapped command while it runs.
type command struct {
	pid      int
	started  time.Time
	terminal terminal
	copy     *stdoutCopy

	suspended bool // stopped by its terminal, and the shim with it
}

// start runs the command in a process group of its own, so that what it does to its group does not reach the shim, and
// what a terminal sends to the group reaches the command once. Everything else it inherits as it is; the runtime
// restores the limit on open files, which it raises for itself.
func (l *life) start(env []string) (*command, *ending) {
	name := l.opts.Command[0]
	path, set := os.LookupEnv("PATH")
	if !set {
		path = defaultPath
	}
	file, end := lookUp(name, path)
	if end != nil {
		return nil, end
	}
	c := &command{terminal: ownTerminal()}
	if c.copy, end = l.openCopy(); end != nil {
		return nil, end
	}
	var err error
	c.pid, err = syscall.ForkExec(file, l.opts.Command, &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{0, c.copy.commandStdout(), 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		c.copy.drop()
		return nil, unstartable(name, file, err)
	}
	c.copy.start()
	c.started = time.Now()
	if err := c.terminal.lend(c.pid); err != nil {
		l.log.Warn("The command cannot be given the terminal.", "error", err)
	}
	if err := l.writeStarted(c); err != nil {
		l.log.Warn("The start of the command is not recorded.", "error", err)
	}
	l.log.Info("The command runs.", "file", file, "pid", c.pid)
	return c, nil
}

// openCopy makes the file that the command's standard output is to be copied to.
func (l *life) openCopy() (*stdoutCopy, *ending) {
	path, end := l.fill(l.opts.StdoutTo)
	if end != nil {
		return nil, end
	}
	out, err := openCopy(path)
	if err != nil {
		return nil, endf(handoff.ExitConfig, "The file for the standard output cannot be made: %v.", err)
	}
	return out, nil
}

// signal forwards a signal to the command alone, as the container runtime would. One that has just ended is no error.
func (c *command) signal(sig syscall.Signal) error {
	return syscall.Kill(c.pid, sig)
}

// returnTerminal makes the shim's process group the terminal's foreground again.
func (c *command) returnTerminal() {
	c.terminal.takeBack()
}
