package shim

import (
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// follow forwards signals to the command and reaps orphans until the command ends, and returns how it did.
func (l *life) follow(c *command) handoff.Done {
	done := handoff.Done{Started: c.started}
	var overdue <-chan time.Time
	for {
		select {
		case <-l.signals.child:
			if status, ended := c.reap(); ended {
				done.Terminating = l.drain() || done.Terminating
				return l.ended(done, status)
			}
		case sig := <-l.signals.other:
			if l.stops(sig) && !done.Terminating {
				done.Terminating = true
				overdue = l.gracePeriod()
			}
			if sig == unix.SIGCONT && c.suspended {
				c.resume()
				continue
			}
			l.forward(c, signalNumber(sig))
		case <-overdue:
			l.log.Warn("The command has outlived its grace period, killing it.", "gracePeriod", l.opts.GracePeriod)
			l.forward(c, unix.SIGKILL)
		}
	}
}

// drain drops the signals that came while the command ran and can be forwarded no more, and tells whether one was the order to
// stop.
func (l *life) drain() (stop bool) {
	for {
		select {
		case sig := <-l.signals.other:
			stop = l.stops(sig) || stop
		default:
			return stop
		}
	}
}

// ended completes the record of a command with its status.
func (l *life) ended(done handoff.Done, status syscall.WaitStatus) handoff.Done {
	done.Ended = time.Now()
	done.ExitCode = status.ExitStatus()
	if status.Signaled() {
		done.Signal = int(status.Signal())
		done.ExitCode = handoff.ExitSignal + done.Signal
	}
	l.log.Info("The command has ended.", "exitCode", done.ExitCode, "after", done.Ended.Sub(done.Started))
	return done
}

func (l *life) forward(c *command, sig syscall.Signal) {
	if err := c.signal(sig); err != nil && !errors.Is(err, unix.ESRCH) {
		l.log.Warn("A signal could not be forwarded.", "signal", int(sig), "error", err)
	}
}

// gracePeriod fires when a command that was asked to end must have.
func (l *life) gracePeriod() <-chan time.Time {
	if l.opts.GracePeriod == 0 {
		return nil
	}
	return time.After(l.opts.GracePeriod)
}

// reap collects everything that has ended and returns the command's status once it has. On a terminal a command that
// reads before it was made the foreground is stopped for that: it is continued.
func (c *command) reap() (status syscall.WaitStatus, ended bool) {
	options := 0
	if c.terminal.owned {
		options = unix.WUNTRACED
	}
	reap(func(pid int, s syscall.WaitStatus) {
		switch {
		case pid != c.pid:
		case !s.Stopped():
			status, ended = s, true
		case s.StopSignal() == unix.SIGTSTP:
			c.suspend()
		case s.StopSignal() == unix.SIGTTIN || s.StopSignal() == unix.SIGTTOU:
			_ = syscall.Kill(-c.pid, unix.SIGCONT) // it is stopped, so it is there
		}
	}, options)
	return status, ended
}
