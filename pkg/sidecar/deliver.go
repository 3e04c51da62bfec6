package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// deliver writes the inputs that lie on no volume through the shim, into the container's own file system, and records
// the verdict. An attempt that was served by an earlier sidecar has them.
func (a *attempt) deliver(ctx context.Context, ready handoff.Ready) error {
	path := a.step.RunDir.Delivered(a.container, a.number)
	earlier, err := handoff.Read[handoff.Ready](path)
	if err == nil && earlier.State.Final() {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Warn("The record of an earlier delivery cannot be read, delivering anew.", "error", err)
	}
	report := newReport(a.log, "Writing the inputs through the shim.", func(p handoff.Progress) error {
		return handoff.Write(path, handoff.Ready{State: handoff.Pulling, Progress: p})
	})
	delivered := handoff.Ready{State: handoff.OK}
	err = a.deliverAll(ctx, ready, report)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		delivered = handoff.Ready{State: handoff.Failed, Failure: inputFailure(err)}
		a.log.Error("The inputs cannot be written through the shim.", "error", err)
	}
	if err := handoff.Write(path, delivered); err != nil {
		return fmt.Errorf("recording the delivery: %w", err)
	}
	return nil
}

func (a *attempt) deliverAll(ctx context.Context, ready handoff.Ready, report *report) error {
	counters := report.start(ctx)
	defer report.stop()
	ctx, cancel := context.WithTimeout(ctx, a.step.PullTimeout)
	defer cancel()
	for _, i := range a.delivered() {
		in, art := a.step.Inputs[i], ready.Inputs[i]
		sink, err := beginWriting(ctx, a.lender, in.Path)
		if err != nil {
			return fmt.Errorf("input %s: %w", in.Artifact, err)
		}
		if err := a.pullInto(ctx, &art, in, sink, counters); err != nil {
			return err
		}
	}
	return nil
}
