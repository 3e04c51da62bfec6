package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// deliver records the verdict on the inputs of this attempt, having written those that lie on no volume through the shim,
// into the container's own file system, and again those on volumes that an attempt before it has changed. An attempt that was
// served by an earlier sidecar has them.
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
	lent, err := a.deliverAll(ctx, ready, path)
	if err != nil {
		a.log.Error("The inputs of the attempt cannot be had.", "error", err)
		failed := handoff.Ready{State: handoff.Failed, Failure: a.inputFailure(err)}
		a.tellInputs(failed)
		return failed
	}
	if ready.Deliver && ctx.Err() == nil {
		a.tellInputs(ready)
	}
	return handoff.Ready{State: handoff.OK, Inputs: lent}
}

// deliverAll returns what it has written.
func (a *attempt) deliverAll(ctx context.Context, ready handoff.Ready, path string) ([]handoff.Artifact, error) {
	report := newReport(a.log, "Writing the inputs of the attempt.", func(p handoff.Progress) error {
		return handoff.Write(path, handoff.Ready{State: handoff.Pulling, Progress: p})
	})
	counters := report.start(ctx)
	defer report.stop()
	ctx, cancel := context.WithTimeout(ctx, a.step.PullTimeout)
	defer cancel()
	if err := a.restore(ctx, ready, counters); err != nil {
		return nil, err
	}
	lent := a.lentInputs(ready)
	for i, art := range lent {
		from, err := a.locate(art)
		if err != nil {
			return nil, err
		}
		a.tellOverlap(art, lent[:i])
		sink, err := beginWriting(ctx, a.lender, art.Path)
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", art.Reference, err)
		}
		if _, err := a.pullInto(ctx, &lent[i], from, sink, counters); err != nil {
			return nil, err
		}
	}
	return lent, nil
}

// restore pulls the inputs on volumes again: after a restart of the node, once for all containers; else if an attempt before
// this one has changed any, unless other containers of the pod may be using them. What was added to them stays.
func (a *attempt) restore(ctx context.Context, ready handoff.Ready, counters *transfer.Counters) error {
	if err := a.afterReboot(ctx, a.container, counters); err != nil {
		return err
	}
	volumes := len(ready.Inputs) - len(a.lentInputs(ready))
	if a.number == 1 || volumes == 0 || len(a.step.Containers) > 1 || a.onVolumes.intact() {
		return nil
	}
	a.log.Info("The inputs are not known to be what they were and are pulled again.")
	return a.fillVolumes(ctx, slices.Clone(ready.Inputs), counters)
}
