package shim

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// awaitInputs waits until the sidecar says that every input is in place, and returns them.
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
	var inputs []handoff.Artifact
	err := l.during(ctx, func(ctx context.Context) (err error) {
		inputs, err = l.readInputs(ctx)
		return err
	}, heedBefore)
	if err != nil {
		return nil, asEnding(err)
	}
	l.log.Info("The inputs are in place.", "inputs", len(inputs))
	return inputs, nil
}

// heedBefore heeds a signal while the command does not run yet.
func heedBefore(sig syscall.Signal) error {
	if endsWait(sig) {
		return stopped(sig, "waiting for the inputs")
	}
	return nil
}

// readInputs waits for the verdict on the inputs on volumes and then, if there are any, on those that the sidecar
// writes through this shim. The first has all inputs in their order.
func (l *life) readInputs(ctx context.Context) ([]handoff.Artifact, error) {
	path := l.opts.ReadyFile
	if path == "" {
		path = l.opts.RunDir.Ready()
	}
	ready, err := l.readReady(ctx, path)
	if err != nil || !ready.Deliver {
		return ready.Inputs, err
	}
	_, err = l.readReady(ctx, l.opts.RunDir.Delivered(l.opts.Container, l.attempt))
	return ready.Inputs, err
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
