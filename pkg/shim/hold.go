package shim

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// maxHoldSlack is the most that the shim allows the sidecar beyond its push timeout, for saying how the push went.
const maxHoldSlack = time.Minute

// hold waits until the sidecar has dealt with the outputs, and returns how the container ends.
func (l *life) hold(ctx context.Context, done handoff.Done) *ending {
	if l.opts.NoHold {
		return unheld(done)
	}
	if l.opts.PushTimeout > 0 {
		late := endf(handoff.ExitOutputs, "The outputs were not pushed within %s.", l.opts.PushTimeout)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, holdTimeout(l.opts.PushTimeout), late)
		defer cancel()
	}
	var pushed handoff.Pushed
	stall := &stall{limit: l.opts.StallTimeout}
	if done.Terminating {
		stall.matters.Store(true)
	}
	err := l.during(ctx, func(ctx context.Context) (err error) {
		pushed, err = l.readPushed(ctx, done.RanAs, stall)
		return err
	}, l.heedAfter(stall))
	if pushed.State.Final() && !pushed.Incomplete {
		err = nil // the verdict came together with a signal
	}
	if err != nil {
		l.log.Warn("The hold has ended without a verdict on the outputs.", "reason", err)
	} else {
		l.log.Info("The outputs are dealt with.", "state", pushed.State, "why", pushed.Why)
	}
	return outcome(done.ExitCode, pushed, err)
}

// unheld is how a container ends that nobody holds.
func unheld(done handoff.Done) *ending {
	if done.ExitCode == 0 && done.Failure != nil {
		return failed(done.Failure, handoff.ExitRefused)
	}
	return &ending{code: done.ExitCode}
}

// holdTimeout is how long a hold may take when the sidecar may push for so long.
func holdTimeout(push time.Duration) time.Duration {
	return push + min(push/10, maxHoldSlack)
}

// readPushed waits until the sidecar has dealt with the outputs. A verdict on what a killed shim has left is not meant
// for one that lives. The outputs that this attempt only pushes, for attempt ranAs, may be on their way already.
func (l *life) readPushed(ctx context.Context, ranAs int, stall *stall) (handoff.Pushed, error) {
	path := l.opts.RunDir.Pushed(l.opts.Container, l.attempt)
	var pushed handoff.Pushed
	err := l.watch(ctx, path, "the outputs to be pushed", func() (handoff.Progress, bool, error) {
		var err error
		pushed, err = handoff.Read[handoff.Pushed](path)
		if err != nil {
			progress := l.progressSince(ranAs)
			return progress, false, errors.Join(unreadable(err), stall.check(progress, time.Now()))
		}
		if pushed.State.Final() && !pushed.Incomplete {
			return pushed.Progress, true, nil
		}
		return pushed.Progress, false, stall.check(pushed.Progress, time.Now())
	})
	return pushed, err
}

// progressSince is how far a push of the same outputs is that began after the shim of an earlier attempt was killed.
func (l *life) progressSince(ranAs int) handoff.Progress {
	for n := l.attempt - 1; ranAs > 0 && n >= ranAs; n-- {
		pushed, err := handoff.Read[handoff.Pushed](l.opts.RunDir.Pushed(l.opts.Container, n))
		if err == nil && !pushed.State.Final() {
			return pushed.Progress
		}
	}
	return handoff.Progress{}
}

// heedAfter heeds signals once the command has ended. The outputs are what the container was for, so the first order to stop
// only leaves it to the grace period how long they may take; the same signal a second time is meant. Another one is no second
// order: it may be from somebody else.
func (l *life) heedAfter(stall *stall) func(syscall.Signal) error {
	told := map[syscall.Signal]bool{}
	return func(sig syscall.Signal) error {
		if !l.meantForShim(sig) {
			return nil
		}
		stall.matters.Store(true)
		if !told[sig] {
			told[sig] = true
			l.log.Warn("Asked to end while the outputs are being pushed; going on until they are, or the grace period ends.")
			return nil
		}
		return stopped(sig, "holding for the outputs")
	}
}

// outcome is how the container ends when its command ended with code, and the wait for the outputs with err or the
// verdict. The command's own failure comes first; success takes every output.
func outcome(code int, pushed handoff.Pushed, err error) *ending {
	switch {
	case code != 0:
		return &ending{code: code}
	case err != nil:
		return asEnding(err)
	case pushed.State == handoff.OK || pushed.State == handoff.Skipped:
		return &ending{}
	}
	return failed(pushed.Failure, handoff.ExitOutputs)
}
