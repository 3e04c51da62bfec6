package shim

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// awaitInputs waits until the sidecar says that every input is in place, and returns them. It learns what pod this is.
func (l *life) awaitInputs(ctx context.Context) ([]handoff.Artifact, *ending) {
	if l.opts.NoWait {
		return nil, nil
	}
	if l.opts.WaitTimeout > 0 {
		late := endf(handoff.ExitInputs, "The inputs were not in place within %s.", l.opts.WaitTimeout)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, l.opts.WaitTimeout, late)
		defer cancel()
	}
	var ready handoff.Ready
	err := l.during(ctx, func(ctx context.Context) (err error) {
		ready, err = l.readInputs(ctx)
		return err
	}, l.heedBefore("waiting for the inputs"))
	if err != nil {
		return nil, asEnding(err)
	}
	l.pod = ready.Pod
	l.log.Info("The inputs are in place.", "inputs", len(ready.Inputs))
	return ready.Inputs, nil
}

// heedBefore heeds signals while the command does not run yet.
func (l *life) heedBefore(phase string) func(syscall.Signal) error {
	return func(sig syscall.Signal) error {
		if l.meantForShim(sig) {
			return stopped(sig, phase)
		}
		return nil
	}
}

// readInputs waits for the verdict on the pod's inputs, which has all inputs in their order, and on those that come with this
// attempt, if there are any. After the first attempt the sidecar may have to try again what the pod's verdict says: then that
// of this attempt comes first.
func (l *life) readInputs(ctx context.Context) (handoff.Ready, error) {
	if l.opts.ReadyFile != "" {
		return l.readReady(ctx, l.opts.ReadyFile)
	}
	own := l.opts.RunDir.Delivered(l.opts.Container, l.attempt)
	if l.attempt > 1 {
		if _, err := l.readReady(ctx, own); err != nil {
			return handoff.Ready{}, err
		}
	}
	ready, err := l.readReady(ctx, l.opts.RunDir.Ready())
	if err == nil && ready.Deliver {
		_, err = l.readReady(ctx, own)
	}
	return ready, err
}

// readReady waits until the record at path says OK.
func (l *life) readReady(ctx context.Context, path string) (handoff.Ready, error) {
	var ready handoff.Ready
	err := l.watch(ctx, path, "the inputs", func() (handoff.Progress, bool, error) {
		var err error
		ready, err = handoff.Read[handoff.Ready](path)
		if err != nil {
			return handoff.Progress{}, false, unreadable(err)
		}
		ok, err := judgeReady(ready)
		return ready.Progress, ok, err
	})
	return ready, err
}

// judgeReady tells whether the command may start; an error says that it never will. A record of an earlier boot says
// nothing: this boot's sidecar writes another.
func judgeReady(ready handoff.Ready) (bool, error) {
	switch {
	case !ready.ThisBoot():
		return false, nil
	case ready.State == handoff.Failed:
		return false, failed(ready.Failure, handoff.ExitInputs)
	}
	return ready.State == handoff.OK, nil
}

// unreadable is what an error of handoff.Read means for a wait: nothing when the record is not there yet.
func unreadable(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return endf(handoff.ExitConfig, "A record of the sidecar cannot be read: %v.", err)
}

// asEnding returns the ending that err is. What is none is not foreseen.
func asEnding(err error) *ending {
	if end, ok := errors.AsType[*ending](err); ok {
		return end
	}
	return endf(handoff.ExitConfig, "The hand-off broke: %v.", err)
}
