package sidecar

import (
	"context"
	"errors"
	"fmt"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// pull resolves all inputs, writes those that lie on volumes, and settles the verdict on the pod's inputs.
func (s *Sidecar) pull(ctx context.Context) error {
	if s.inputs.isSettled() {
		return nil
	}
	report := newReport(s.log, "Pulling the inputs.", func(p handoff.Progress) error {
		return handoff.Write(s.step.RunDir.Ready(), handoff.Ready{State: handoff.Pulling, Progress: p})
	})
	ready := handoff.Ready{State: handoff.OK}
	artifacts, err := s.pullVolumes(ctx, report.start(ctx))
	report.stop()
	if ctx.Err() != nil {
		return nil // the pod is ending: no verdict was reached
	}
	ready.Inputs = artifacts
	ready.Deliver = len(s.delivered()) > 0
	if err != nil {
		ready = handoff.Ready{State: handoff.Failed, Failure: inputFailure(err)}
		s.log.Error("The inputs cannot be had.", "error", err)
	}
	if err := handoff.Write(s.step.RunDir.Ready(), ready); err != nil {
		return fmt.Errorf("recording the verdict on the inputs: %w", err)
	}
	s.log.Info("The inputs are dealt with.", "state", ready.State, "inputs", len(ready.Inputs))
	s.inputs.settle(ready)
	return nil
}

// pullVolumes returns all inputs in order, each pinned to a digest; those that lie on volumes are in place.
func (s *Sidecar) pullVolumes(ctx context.Context, counters *transfer.Counters) ([]handoff.Artifact, error) {
	artifacts, err := s.resolveAll(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.step.PullTimeout)
	defer cancel()
	for i, in := range s.step.Inputs {
		if in.Mount == "" {
			continue
		}
		sink, err := transfer.IntoDirectory(in.Mount, tree.WriterOptions{Share: in.Share})
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", in.Artifact, err)
		}
		if err := s.pullInto(ctx, &artifacts[i], in, sink, counters); err != nil {
			return nil, err
		}
	}
	return artifacts, nil
}

// pullInto writes the artifact into the sink, and counts what there was of it.
func (s *Sidecar) pullInto(ctx context.Context, art *handoff.Artifact, in handoff.Input, sink transfer.Sink,
	counters *transfer.Counters,
) error {
	defer sink.Abort(context.WithoutCancel(ctx)) //nolint:errcheck // does nothing after the commit; before it another error says more
	ref, err := transfer.ParseReference(in.Artifact)
	if err != nil {
		return err
	}
	repo, err := s.registry.Repository(ref.Repository)
	if err != nil {
		return err
	}
	result, err := transfer.Pull(ctx, repo, art.Digest, sink, transfer.PullOptions{Counters: counters, Retry: s.retry(0)})
	if err != nil {
		return fmt.Errorf("input %s: %w", in.Artifact, err)
	}
	for _, warning := range result.Warnings {
		s.log.Warn("An input is not quite what it was: "+warning, "input", in.Artifact)
	}
	art.Files, art.Bytes = int64(result.Files), result.Bytes
	s.log.Info("An input is in place.", "input", art.Pinned(), "path", in.Path, "files", art.Files, "bytes", art.Bytes)
	return nil
}

// inputFailure is what the shim ends the container with.
func inputFailure(err error) *handoff.Failure {
	if failure, ok := errors.AsType[*handoff.Failure](err); ok {
		return failure
	}
	return &handoff.Failure{Code: handoff.ExitInputs, Message: err.Error()}
}

// delivered returns the indexes of the inputs that lie on no volume.
func (s *Sidecar) delivered() []int {
	var indexes []int
	for i, in := range s.step.Inputs {
		if in.Mount == "" {
			indexes = append(indexes, i)
		}
	}
	return indexes
}
