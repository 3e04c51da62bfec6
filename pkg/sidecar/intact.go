package sidecar

import (
	"context"
	"fmt"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// restore pulls again those inputs on volumes that the attempt before has changed. What it has added stays. Where other
// containers of the pod may be using them, they are left as they are.
func (a *attempt) restore(ctx context.Context, ready handoff.Ready) error {
	if len(a.step.Containers) > 1 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, a.step.PullTimeout)
	defer cancel()
	for _, art := range ready.Inputs {
		at, err := a.locate(art)
		if err != nil {
			return err
		}
		if at.mount == "" {
			continue
		}
		whole, err := a.intact(ctx, art, at)
		if err != nil {
			return fmt.Errorf("input %s: %w", art.Reference, err)
		}
		if whole {
			continue
		}
		a.log.Info("An input is not what it was and is pulled again.", "input", art.Reference)
		if err := a.pullMounted(ctx, &art, at, new(transfer.Counters)); err != nil {
			return err
		}
	}
	return nil
}

// intact tells whether everything of an artifact still is where it was pulled to, as far as kinds, sizes and times can
// tell. Of an artifact that others made that is not known.
func (s *Sidecar) intact(ctx context.Context, art handoff.Artifact, at location) (bool, error) {
	repo, err := s.registry.Repository(at.repository)
	if err != nil {
		return false, err
	}
	_, index, err := transfer.Files(ctx, repo, art.Digest, s.retry(0))
	if err != nil {
		return false, err
	}
	listing, err := tree.List(at.mount)
	if err != nil {
		return false, nil //nolint:nilerr // it cannot even be listed: the pull says more
	}
	there := make(map[tree.Path]tree.Entry, len(listing.Entries))
	for _, e := range listing.Entries {
		there[e.Path] = e
	}
	for _, want := range index.Entries {
		if !same(want, there[want.Path]) {
			return false, nil
		}
	}
	return true, nil
}

// same tells whether there is what an index has. Directories change their time with what is added to them.
func same(want artifact.Entry, is tree.Entry) bool {
	switch {
	case want.ModTime.IsZero() && want.Type != tree.Hardlink:
		return false
	case want.Type == tree.Hardlink || is.Type == tree.Hardlink:
		return is.Type != "" // its content is that of a file that is compared itself
	case want.Type == tree.Dir:
		return is.Type == tree.Dir
	}
	return is.Type == want.Type && is.Size == want.Size && is.Link == want.Link && is.ModTime.Equal(want.ModTime)
}
