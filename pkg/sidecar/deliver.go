package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// deliver records the verdict on the inputs of this attempt, having written those that lie on no volume through the shim,
// into the container's own file system. An attempt that was served by an earlier sidecar has them.
func (a *attempt) deliver(ctx context.Context, ready handoff.Ready) error {
	path := a.step.RunDir.Delivered(a.container, a.number)
	earlier, err := handoff.Read[handoff.Ready](path)
	if err == nil && earlier.State.Final() {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Warn("The record of an earlier delivery cannot be read, delivering anew.", "error", err)
	}
	delivered := a.deliverTo(ctx, ready, path)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := handoff.Write(path, delivered); err != nil {
		return fmt.Errorf("recording the delivery: %w", err)
	}
	return nil
}

// deliverTo returns the verdict; meanwhile the record at path tells of the progress.
func (a *attempt) deliverTo(ctx context.Context, ready handoff.Ready, path string) handoff.Ready {
	if ready.State != handoff.OK {
		return handoff.Ready{State: ready.State, Failure: ready.Failure}
	}
	if err := a.deliverAll(ctx, ready, path); err != nil {
		a.log.Error("The inputs cannot be written through the shim.", "error", err)
		failed := handoff.Ready{State: handoff.Failed, Failure: inputFailure(err)}
		a.tellInputs(failed)
		return failed
	}
	return handoff.Ready{State: handoff.OK}
}

func (a *attempt) deliverAll(ctx context.Context, ready handoff.Ready, path string) error {
	report := newReport(a.log, "Writing the inputs through the shim.", func(p handoff.Progress) error {
		return handoff.Write(path, handoff.Ready{State: handoff.Pulling, Progress: p})
	})
	counters := report.start(ctx)
	defer report.stop()
	ctx, cancel := context.WithTimeout(ctx, a.step.PullTimeout)
	defer cancel()
	for _, art := range a.lentInputs(ready) {
		from, err := a.locate(art)
		if err != nil {
			return err
		}
		sink, err := beginWriting(ctx, a.lender, art.Path)
		if err != nil {
			return fmt.Errorf("input %s: %w", art.Reference, err)
		}
		if err := a.pullInto(ctx, &art, from, sink, counters); err != nil {
			return err
		}
	}
	return nil
}
