package sidecar

import (
	"context"
	"errors"
	"fmt"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// How often an artifact that does not exist yet is looked for: soon at first, since a step is often created with the
// one before it.
const (
	firstLook = 200 * time.Millisecond
	lastLook  = 5 * time.Second
)

// resolveAll pins every input to a digest. The waits for inputs that are not there yet run side by side.
func (s *Sidecar) resolveAll(ctx context.Context) ([]handoff.Artifact, error) {
	start, longest := time.Now(), time.Duration(0)
	for _, in := range s.step.Inputs {
		longest = max(longest, time.Duration(in.Wait))
	}
	ctx, cancel := context.WithTimeout(ctx, longest+s.step.PullTimeout)
	defer cancel()
	artifacts := make([]handoff.Artifact, len(s.step.Inputs))
	for i, in := range s.step.Inputs {
		var err error
		if artifacts[i], err = s.resolve(ctx, in, start); err != nil {
			return nil, err
		}
	}
	return artifacts, nil
}

// resolve pins an input to a digest, waiting for it as long as it may be waited for after start.
func (s *Sidecar) resolve(ctx context.Context, in handoff.Input, start time.Time) (handoff.Artifact, error) {
	ref, err := transfer.ParseReference(in.Artifact)
	if err != nil {
		return handoff.Artifact{}, &handoff.Failure{Code: handoff.ExitConfig, Message: "input: " + err.Error()}
	}
	wait := time.Duration(in.Wait)
	desc, err := s.await(ctx, ref, start.Add(wait))
	switch {
	case errors.Is(err, transfer.ErrNotFound) && wait > 0:
		return handoff.Artifact{}, fmt.Errorf("input %s is not in registry %s, and did not come within %s", ref, s.step.Registry, wait)
	case errors.Is(err, transfer.ErrNotFound):
		return handoff.Artifact{}, fmt.Errorf("input %s is not in registry %s; input-wait makes the step wait for it", ref, s.step.Registry)
	case err != nil:
		return handoff.Artifact{}, err
	}
	return handoff.Artifact{
		Reference: s.step.Registry + "/" + transfer.Reference{Repository: ref.Repository, Tag: ref.Tag}.String(),
		Digest:    desc.Digest.String(),
		Path:      in.Path,
	}, nil
}

// await looks for an artifact until it is there, or until deadline. Everything but its absence ends the wait.
func (s *Sidecar) await(ctx context.Context, ref transfer.Reference, deadline time.Time) (ocispec.Descriptor, error) {
	repo, err := s.registry.Repository(ref.Repository)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		desc, err := transfer.Resolve(ctx, repo, ref.Target(), s.retry(s.step.PullTimeout))
		if !errors.Is(err, transfer.ErrNotFound) || time.Now().After(deadline) {
			return desc, err
		}
		s.log.Debug("An input is not there yet.", "input", ref.String(), "deadline", deadline)
		select {
		case <-time.After(min(pause, time.Until(deadline)+time.Millisecond)):
		case <-ctx.Done():
			return desc, context.Cause(ctx)
		}
	}
}

// retry tells the log about each failure that a transfer recovers from.
func (s *Sidecar) retry(limit time.Duration) transfer.Retry {
	return transfer.Retry{Limit: limit, Notify: func(a transfer.Attempt) {
		s.log.Warn("A request is tried again.", "request", a.Op, "failures", a.N, "wait", a.Wait, "error", a.Err)
	}}
}
