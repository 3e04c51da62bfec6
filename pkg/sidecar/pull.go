package sidecar

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// pull resolves all inputs, writes those that lie on volumes, and settles the verdict on the pod's inputs.
func (s *Sidecar) pull(ctx context.Context) error {
	if s.inputs.settled() {
		return nil
	}
	report := newReport(s.log, "Pulling the inputs.", func(p handoff.Progress) error {
		return handoff.Write(s.step.RunDir.Ready(), handoff.Ready{State: handoff.Pulling, Progress: p})
	})
	ready := handoff.Ready{State: handoff.OK, Pod: s.step.Pod}
	var err error
	ready.Inputs, err = s.pullVolumes(ctx, report.start(ctx))
	report.stop()
	if ctx.Err() != nil {
		return nil // the pod is ending: no verdict was reached
	}
	ready.Deliver = len(s.lentInputs(ready)) > 0
	if err != nil {
		ready = handoff.Ready{State: handoff.Failed, Pod: s.step.Pod, Failure: s.inputFailure(err)}
		s.log.Error("The inputs cannot be had.", "error", err)
	}
	if !ready.Deliver { // else they are only in place once the shim has them
		s.tellInputs(ready)
	}
	ready, err = s.writeVerdict(ready)
	if err != nil {
		return err
	}
	s.log.Info("The inputs are dealt with.", "state", ready.State, "inputs", len(ready.Inputs))
	s.inputs.settle(ready)
	return nil
}

// writeVerdict records a verdict on the inputs, and returns it; one that is too large for a record has failed.
func (s *Sidecar) writeVerdict(ready handoff.Ready) (handoff.Ready, error) {
	err := handoff.Write(s.step.RunDir.Ready(), ready)
	if errors.Is(err, handoff.ErrTooLarge) {
		ready = handoff.Ready{State: handoff.Failed, Pod: s.step.Pod, Failure: s.inputFailure(
			misconfigured("the inputs are %d artifacts, whose names are too long for one step", len(ready.Inputs)))}
		err = handoff.Write(s.step.RunDir.Ready(), ready)
	}
	if err != nil {
		return ready, fmt.Errorf("recording the verdict on the inputs: %w", err)
	}
	return ready, nil
}

// pullVolumes returns all inputs in order, each pinned to a digest; those that lie on volumes are in place.
func (s *Sidecar) pullVolumes(ctx context.Context, counters *transfer.Counters) ([]handoff.Artifact, error) {
	artifacts, err := s.resolveAll(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.step.PullTimeout)
	defer cancel()
	return artifacts, s.fillVolumes(ctx, artifacts, counters)
}

// fillVolumes writes the inputs that lie on volumes, in their order, so that of two that overlap the later wins, file
// by file. It remembers what is there then.
func (s *Sidecar) fillVolumes(ctx context.Context, artifacts []handoff.Artifact, counters *transfer.Counters) error {
	var places []tree.Place
	var earlier []handoff.Artifact
	var origins origins
	for i := range artifacts {
		at, err := s.locate(artifacts[i])
		if err != nil {
			return err
		}
		if !at.mounted() {
			continue
		}
		s.tellOverlap(artifacts[i], earlier)
		base, err := s.pullMounted(ctx, &artifacts[i], at, counters)
		if err != nil {
			return err
		}
		if s.mayHold(artifacts[i]) {
			origins.add(base, at.place)
		}
		earlier = append(earlier, artifacts[i])
		places = append(places, at.place)
	}
	s.origins.Store(origins.settled())
	var err error
	s.onVolumes, err = newSnapshot(places)
	return err
}

// pullMounted writes the artifact to a volume. What a sidecar that was killed has left of it is gone on with.
func (s *Sidecar) pullMounted(ctx context.Context, art *handoff.Artifact, at location, counters *transfer.Counters) (*transfer.Base, error) {
	w, err := at.place.NewWriter(tree.WriterOptions{Share: at.share, Resume: digest.Digest(art.Digest).Encoded()})
	switch {
	case errors.Is(err, tree.ErrOutside):
		return nil, fmt.Errorf("input %s: path %s %s", art.Reference, art.Path, ledAstray)
	case err != nil:
		return nil, fmt.Errorf("input %s: %w", art.Reference, err)
	}
	return s.pullInto(ctx, art, at, transfer.Into(w), counters)
}

// pullInto writes the artifact into the sink, and counts what there was of it.
func (s *Sidecar) pullInto(ctx context.Context, art *handoff.Artifact, from location, sink transfer.Sink,
	counters *transfer.Counters,
) (*transfer.Base, error) {
	defer sink.Abort(context.WithoutCancel(ctx)) //nolint:errcheck // does nothing after the commit; before it another error says more
	repo, err := s.from.Repository(from.repository)
	if err != nil {
		return nil, err
	}
	result, err := transfer.Pull(ctx, repo, art.Digest, sink, transfer.PullOptions{
		Counters: counters, Retry: s.retry(0), KeepArchives: s.step.Archives,
	})
	if err != nil {
		return nil, inputProblem(*art, err)
	}
	for _, warning := range result.Warnings {
		s.log.Warn("An input is not quite what it was: "+warning, "input", art.Reference)
	}
	art.Files, art.Bytes = int64(result.Files), result.Bytes
	s.log.Info("An input is in place.", "input", art.Pinned(), "path", art.Path, "files", art.Files, "bytes", art.Bytes)
	return result.Base, nil
}

// lentInputs returns the artifacts of a verdict that are written through a shim.
func (s *Sidecar) lentInputs(ready handoff.Ready) []handoff.Artifact {
	var lent []handoff.Artifact
	for _, art := range ready.Inputs {
		if s.step.Inputs[art.Input].Mount == "" {
			lent = append(lent, art)
		}
	}
	return lent
}
