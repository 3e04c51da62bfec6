package sidecar

import (
	"context"
	"errors"
	"fmt"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// push sends the outputs of an ended attempt and returns the final record. The outputs belong together only in that
// the container exits 0 when all are there: each moves its own tag.
func (a *attempt) push(ctx context.Context, ready handoff.Ready, done handoff.Done) handoff.Pushed {
	outputs := a.step.OutputsOf(a.container)
	switch {
	case len(outputs) == 0:
		return handoff.Pushed{State: handoff.Skipped, Why: "the container has no outputs"}
	case done.ExitCode != 0:
		return handoff.Pushed{State: handoff.Skipped, Why: fmt.Sprintf("the command ended with exit code %d", done.ExitCode)}
	}
	report := newReport(a.log, "Pushing the outputs.", func(p handoff.Progress) error {
		return handoff.Write(a.step.RunDir.Pushed(a.container, a.number), handoff.Pushed{State: handoff.Pushing, Progress: p})
	})
	counters := report.start(ctx)
	defer report.stop()
	ctx, cancel := context.WithTimeout(ctx, a.step.PushTimeout)
	defer cancel()
	pushed := handoff.Pushed{State: handoff.OK}
	for _, out := range outputs {
		art, err := a.pushOne(ctx, out, lineage(a, ready, done), counters)
		if err != nil {
			a.log.Error("An output cannot be pushed.", "output", out.Artifact, "error", err)
			return handoff.Pushed{State: handoff.Failed, Outputs: pushed.Outputs, Failure: outputFailure(err)}
		}
		a.log.Info("An output is in the registry.", "output", art.Pinned(), "files", art.Files, "bytes", art.Bytes)
		pushed.Outputs = append(pushed.Outputs, art)
	}
	return pushed
}

// pushOne sends one output as the shim lends it.
func (a *attempt) pushOne(ctx context.Context, out handoff.Output, from artifact.Lineage, counters *transfer.Counters) (handoff.Artifact, error) {
	ref, err := transfer.ParseReference(out.Artifact)
	if err != nil {
		return handoff.Artifact{}, &handoff.Failure{Code: handoff.ExitConfig, Message: "output: " + err.Error()}
	}
	repo, err := a.registry.Repository(ref.Repository)
	if err != nil {
		return handoff.Artifact{}, err
	}
	result, err := transfer.Push(ctx, repo, ref.Tag, lentTree{a.lender, out.Path}, transfer.PushOptions{
		Lineage: from, RefuseEmpty: true, Retry: a.retry(0), Counters: counters,
	})
	switch {
	case errors.Is(err, errNoOutput):
		return handoff.Artifact{}, outputProblem(out, "does not exist")
	case errors.Is(err, transfer.ErrEmpty):
		return handoff.Artifact{}, outputProblem(out, "holds nothing")
	case err != nil:
		return handoff.Artifact{}, fmt.Errorf("output %s: %w", ref, err)
	}
	for _, warning := range result.Warnings {
		a.log.Warn("An output is not all there: "+warning, "output", out.Artifact)
	}
	return handoff.Artifact{
		Reference: result.Reference,
		Digest:    result.Descriptor.Digest.String(),
		Path:      out.Path,
		Files:     int64(result.Files),
		Bytes:     result.Bytes,
	}, nil
}

func lineage(a *attempt, ready handoff.Ready, done handoff.Done) artifact.Lineage {
	l := artifact.Lineage{
		Namespace: a.step.Pod.Namespace,
		Job:       a.step.Pod.Job,
		Pod:       a.step.Pod.Name,
		Container: a.container,
		Attempt:   a.number,
		ExitCode:  &done.ExitCode,
		Created:   done.Ended,
	}
	for _, in := range ready.Inputs {
		l.Inputs = append(l.Inputs, in.Pinned())
	}
	return l
}

// outputFailure tells a push that was given up after retries from one that was refused for good.
func outputFailure(err error) *handoff.Failure {
	if failure, ok := errors.AsType[*handoff.Failure](err); ok {
		return failure
	}
	code := handoff.ExitOutputs
	if transfer.Final(err) {
		code = handoff.ExitRefused
	}
	return &handoff.Failure{Code: code, Message: err.Error()}
}

// outputProblem is the failure of a step that did not make what it was to make.
func outputProblem(out handoff.Output, problem string) error {
	return &handoff.Failure{
		Code:    handoff.ExitRefused,
		Message: fmt.Sprintf("output %s: path %s of container %s %s", out.Artifact, out.Path, out.Container, problem),
	}
}
