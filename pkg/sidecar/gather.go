package sidecar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// gather pins every artifact that matches the request's pattern, once there are as many as it asks for.
func (s *Sidecar) gather(ctx context.Context, r request, deadline time.Time) ([]handoff.Artifact, error) {
	want := max(1, r.Count)
	var found []handoff.Artifact
	err := s.await(ctx, r, deadline, func() (err error) {
		if found, err = s.matches(ctx, r); err == nil && len(found) < want {
			err = transfer.ErrNotFound
		}
		return err
	})
	switch {
	case errors.Is(err, transfer.ErrNoCatalog):
		return nil, misconfigured("input %s: %v; name each artifact, or write a range such as {0..9}", r.Artifact, err)
	case errors.Is(err, transfer.ErrInvalidReference):
		return nil, misconfigured("input: %v", err)
	case errors.Is(err, transfer.ErrNotFound) && r.Optional:
		s.log.Info("An optional input matches fewer artifacts than asked for.", "input", r.Artifact, "matches", len(found), "want", want)
		return found, nil
	case errors.Is(err, transfer.ErrNotFound):
		return nil, fmt.Errorf("input %s matches %d artifacts of registry %s, and %d are needed%s", r.Artifact, len(found),
			s.step.Registry, want, gatherWaited(r))
	}
	return found, err
}

func gatherWaited(r request) string {
	if r.Wait > 0 {
		return fmt.Sprintf("; no more came within %s", time.Duration(r.Wait))
	}
	return "; input-wait makes the step wait for them"
}

// matches pins the artifacts that match now. One that vanishes meanwhile, or lacks the tag, is no match.
func (s *Sidecar) matches(ctx context.Context, r request) ([]handoff.Artifact, error) {
	refs, err := s.from.Match(ctx, r.Artifact, maxGathered, s.retry(s.step.PullTimeout))
	if err != nil {
		return nil, err
	}
	var found []handoff.Artifact
	for _, ref := range refs {
		desc, err := s.look(ctx, ref)
		if errors.Is(err, transfer.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, r.found(s.step.Registry, ref, desc.Digest.String()))
	}
	return found, nil
}
