package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// reboot is what a restart of the node leaves to be done: nobody knows what volumes still hold, for one may be in memory.
type reboot struct {
	mu    sync.Mutex
	ready handoff.Ready // whose stale inputs are to be written again
}

// takeUp takes up a verdict of before the node was restarted. The inputs on volumes are written again before anybody gets
// them, but not yet: what a command made of them may lie among them, and only be left to be pushed.
func (s *Sidecar) takeUp(ready handoff.Ready) error {
	for i, art := range ready.Inputs {
		if s.step.Inputs[art.Input].Mount != "" {
			ready.Inputs[i].Stale, ready.Deliver = true, true
		}
	}
	s.log.Info("The node was restarted after the inputs were in place; whoever needs them gets them again.")
	if err := handoff.Write(s.step.RunDir.Ready(), ready); err != nil {
		return fmt.Errorf("taking up the verdict on the inputs: %w", err)
	}
	s.settle(ready)
	return nil
}

// settle settles the verdict by what an earlier sidecar has recorded.
func (s *Sidecar) settle(ready handoff.Ready) {
	s.reboot.ready = ready
	s.reboot.ready.Inputs = slices.Clone(ready.Inputs) // which change
	s.inputs.settle(ready)
}

// afterReboot writes the inputs on volumes again that a restart of the node may have lost, for a container, or for a gate,
// which is nobody's. The first who needs them does it, while the others wait. What may be work of another container that is
// finished and not pushed yet is left as it is, and that container's own attempt decides.
func (s *Sidecar) afterReboot(ctx context.Context, container string, counters *transfer.Counters) error {
	s.reboot.mu.Lock()
	defer s.reboot.mu.Unlock()
	ready := &s.reboot.ready
	var all, again []handoff.Artifact
	for _, art := range ready.Inputs {
		if !art.Stale {
			continue
		}
		all = append(all, art)
		if !s.mayHoldWork(art, container) {
			again = append(again, art)
		}
	}
	if len(all) == 0 {
		return nil
	}
	if err := s.fillVolumes(ctx, again, counters); err != nil {
		return err
	}
	if len(again) < len(all) {
		s.onVolumes = nil // nobody has looked at the others
	}
	if len(again) < len(all) && container == "" {
		return nil // whoever comes next may need them
	}
	for i := range ready.Inputs {
		ready.Inputs[i].Stale = false
	}
	if err := handoff.Write(s.step.RunDir.Ready(), *ready); err != nil {
		return fmt.Errorf("recording that the inputs are in place again: %w", err)
	}
	return nil
}

// mayHoldWork tells whether an input lies where another container than this one has finished work that is not pushed. A
// volume that was in memory holds nothing.
func (s *Sidecar) mayHoldWork(art handoff.Artifact, container string) bool {
	for _, other := range s.step.Containers {
		if other == container || !s.hasWork(other) {
			continue
		}
		for _, out := range s.step.OutputsOf(other) {
			if mayOverlap(art.Path, out.Path) {
				listing, err := s.step.Inputs[art.Input].Place().List()
				return !errors.Is(err, fs.ErrNotExist) && (err != nil || len(listing.Entries) > 0)
			}
		}
	}
	return false
}

// hasWork tells whether the last command of a container that ran has succeeded, and left outputs on volumes that are not
// dealt with: the next attempt may only push them.
func (s *Sidecar) hasWork(container string) bool {
	attempts, _ := s.step.RunDir.Attempts(container) // unreadable is as good as none
	for _, attempt := range slices.Backward(attempts) {
		if pushed, known := s.pushed(container, attempt); known && pushed.DealtWith() {
			return false
		}
		done, err := handoff.Read[handoff.Done](s.step.RunDir.Done(container, attempt))
		if err == nil && done.RanAs == 0 {
			return done.Ran() && done.Outputs != ""
		}
		if _, cut := handoff.Read[handoff.Started](s.step.RunDir.Started(container, attempt)); err != nil && cut == nil {
			return false
		}
	}
	return false
}

// mayOverlap tells whether an output may be, hold, or lie in the input at an absolute path, as far as it is known before its
// placeholders are filled in and its pattern matched.
func mayOverlap(in, out string) bool {
	if !strings.HasPrefix(out, "/") {
		return true
	}
	in, fixed := strings.TrimSuffix(in, "/")+"/", strings.TrimSuffix(out, "/")+"/"
	if end := strings.IndexAny(out, `*?[\{`); end >= 0 {
		fixed = out[:end]
	}
	return strings.HasPrefix(in, fixed) || strings.HasPrefix(fixed, in)
}

// hearGate does what a gate connects for: inputs that have failed are tried again, and those that a restart of the node may
// have lost are in place when it returns. It returns why they cannot be; an error means that no answer is known.
func (s *Sidecar) hearGate(ctx context.Context) (*handoff.Failure, error) {
	if err := s.appeal(); err != nil {
		return nil, err
	}
	if !s.inputs.settled() {
		return nil, nil //nolint:nilnil // no failure
	}
	bounded, cancel := context.WithTimeout(ctx, s.step.PullTimeout)
	defer cancel()
	err := s.afterReboot(bounded, "", new(transfer.Counters))
	switch {
	case err == nil:
		return nil, nil //nolint:nilnil // no failure
	case ctx.Err() != nil:
		return nil, err
	}
	failed := handoff.Ready{State: handoff.Failed, Failure: inputFailure(err)}
	s.tellInputs(failed)
	return failed.Failure, nil
}
