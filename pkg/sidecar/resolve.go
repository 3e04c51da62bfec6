package sidecar

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// How often an artifact that does not exist yet is looked for: soon at first, since a step is often created with the
// one before it.
const (
	firstLook = 200 * time.Millisecond
	lastLook  = 5 * time.Second
)

// maxLooks bounds how many artifacts are looked for at once.
const maxLooks = 16

// resolveAll pins what every input asks for to digests, in the inputs' order. The waits for what is not there yet run
// side by side.
func (s *Sidecar) resolveAll(ctx context.Context) ([]handoff.Artifact, error) {
	requests, err := s.requests()
	if err != nil {
		return nil, err
	}
	start, longest := time.Now(), time.Duration(0)
	for _, r := range requests {
		longest = max(longest, time.Duration(r.Wait))
	}
	ctx, cancel := context.WithTimeout(ctx, sum(longest, s.step.PullTimeout))
	defer cancel()
	found := make([][]handoff.Artifact, len(requests))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxLooks)
	for i, r := range requests {
		group.Go(func() (err error) {
			found[i], err = s.resolve(ctx, r, start.Add(time.Duration(r.Wait)))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return bounded(slices.Concat(found...))
}

// sum is a+b, or the longest time there is.
func sum(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func bounded(artifacts []handoff.Artifact) ([]handoff.Artifact, error) {
	if len(artifacts) > maxGathered {
		return nil, misconfigured("the inputs are %d artifacts; at most %d can be gathered by one step", len(artifacts), maxGathered)
	}
	return artifacts, nil
}

// resolve pins what a request asks for, waiting until deadline for what is not there.
func (s *Sidecar) resolve(ctx context.Context, r request, deadline time.Time) ([]handoff.Artifact, error) {
	if strings.Contains(r.Artifact, "*") {
		return s.gather(ctx, r, deadline)
	}
	ref, err := transfer.ParseReference(r.Artifact)
	if err != nil {
		return nil, misconfigured("input: %v", err)
	}
	var desc ocispec.Descriptor
	err = s.await(ctx, r, deadline, func() (err error) {
		desc, err = s.look(ctx, ref)
		return err
	})
	switch {
	case errors.Is(err, transfer.ErrNotFound) && r.Optional:
		s.log.Info("An optional input is not in the registry.", "input", ref.String())
		return nil, nil
	case errors.Is(err, transfer.ErrNotFound):
		return nil, fmt.Errorf("input %s is not in registry %s%s", ref, s.step.Registry, waited(r))
	case err != nil:
		return nil, err
	}
	return []handoff.Artifact{r.found(s.step.Registry, ref, desc.Digest.String())}, nil
}

// waited says how long was waited in vain, or that it could have been.
func waited(r request) string {
	if r.Wait > 0 {
		return fmt.Sprintf(", and did not come within %s", time.Duration(r.Wait))
	}
	return "; input-wait makes the step wait for it"
}

// await calls try until it returns anything but transfer.ErrNotFound, or until deadline.
func (s *Sidecar) await(ctx context.Context, r request, deadline time.Time, try func() error) error {
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		err := try()
		if !errors.Is(err, transfer.ErrNotFound) || time.Now().After(deadline) {
			return err
		}
		s.log.Debug("An input is not there yet.", "input", r.Artifact, "deadline", deadline)
		select {
		case <-time.After(min(pause, time.Until(deadline)+time.Millisecond)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *Sidecar) look(ctx context.Context, ref transfer.Reference) (ocispec.Descriptor, error) {
	repo, err := s.from.Repository(ref.Repository)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return transfer.Resolve(ctx, repo, ref.Target(), s.retry(s.step.PullTimeout))
}

// retry tells the log about each failure that a transfer recovers from.
func (s *Sidecar) retry(limit time.Duration) transfer.Retry {
	return transfer.Retry{Limit: limit, Notify: func(a transfer.Attempt) {
		s.log.Warn("A request is tried again.", "request", a.Op, "failures", a.N, "wait", a.Wait, "error", a.Err)
	}}
}
