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
		if s.step.Inputs[art.Input].Mount == "" {
			continue
		}
		ready.Deliver = true
		if !art.Stale { // else its work was known before the restart before this one
			ready.Inputs[i].Stale, ready.Inputs[i].Work = true, s.workIn(art)
		}
	}
	s.log.Info("The node was restarted after the inputs were in place; whoever needs them gets them again.")
	ready, err := s.writeVerdict(ready)
	if err != nil {
		return err
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
// which is nobody's. The first who needs them does it, while the others wait. Where other containers have work they are left as
// they are. A container whose own work was there asks because it runs its command again. Once writing has begun nobody's work is
// there any more, nor anything that others could be given as it is.
func (s *Sidecar) afterReboot(ctx context.Context, container string, counters *transfer.Counters) error {
	s.reboot.mu.Lock()
	defer s.reboot.mu.Unlock()
	inputs := s.reboot.ready.Inputs
	var again []int
	changed := false
	for i, art := range inputs {
		othersWork := slices.ContainsFunc(art.Work, func(other string) bool { return other != container && s.hasWork(other) })
		switch {
		case !art.Stale:
		case !othersWork && (!art.Taken || slices.Contains(art.Work, container)):
			again = append(again, i)
			changed = true
			inputs[i].Work, inputs[i].Taken = nil, false
		case container != "" && !art.Taken:
			changed = true
			inputs[i].Taken = true
		}
	}
	if !changed {
		return nil
	}
	if err := s.writeReady(); err != nil || len(again) == 0 {
		return err
	}
	artifacts := make([]handoff.Artifact, len(again))
	for n, i := range again {
		artifacts[n] = inputs[i]
	}
	if err := s.fillVolumes(ctx, artifacts, counters); err != nil {
		return err
	}
	if len(again) < len(inputs)-len(s.lentInputs(s.reboot.ready)) {
		s.onVolumes = nil // nobody has looked at the others
	}
	for _, i := range again {
		inputs[i].Stale = false
	}
	return s.writeReady()
}

func (s *Sidecar) writeReady() error {
	if err := handoff.Write(s.step.RunDir.Ready(), s.reboot.ready); err != nil {
		return fmt.Errorf("recording which inputs are in place again: %w", err)
	}
	return nil
}

// workIn lists the containers that may have work where an input is. A volume that was in memory holds nothing.
func (s *Sidecar) workIn(art handoff.Artifact) (containers []string) {
	for _, out := range s.step.Outputs {
		if mayOverlap(art.Path, out.Path) && !slices.Contains(containers, out.Container) && s.hasWork(out.Container) {
			containers = append(containers, out.Container)
		}
	}
	if containers != nil && s.isEmpty(art) {
		return nil
	}
	return containers
}

// isEmpty tells whether there is nothing where an input is to be.
func (s *Sidecar) isEmpty(art handoff.Artifact) bool {
	at, err := s.locate(art)
	if err != nil {
		return false
	}
	listing, err := at.place.List()
	return errors.Is(err, fs.ErrNotExist) || err == nil && len(listing.Entries) == 0
}

// hasWork tells whether the last command of a container that ran has left outputs on volumes that are still to be pushed: by
// the next attempt, if that finds them as they were, or by this sidecar before it.
func (s *Sidecar) hasWork(container string) bool {
	attempts, _ := s.step.RunDir.Attempts(container) // unreadable is as good as none
	claimed := false                                 // by an attempt that is to run the command
	for _, attempt := range slices.Backward(attempts) {
		pushed, known := s.pushed(container, attempt)
		if known && pushed.DealtWith() {
			return false
		}
		done, err := handoff.Read[handoff.Done](s.step.RunDir.Done(container, attempt))
		switch {
		case err == nil && (done.RanAs > 0 || !done.Ran()):
			continue // what it stands for, or found, is an earlier one's
		case err == nil && done.Failure != nil:
			return false
		case err == nil && done.Outputs != "" && !claimed:
			return true
		case err == nil || s.started(container, attempt):
			return !known && s.pushesWhatIsLeft(container)
		}
		claim, err := handoff.Read[handoff.Claim](s.step.RunDir.Claim(container, attempt))
		claimed = claimed || err == nil && claim.ThisBoot()
	}
	return false
}

func (s *Sidecar) started(container string, attempt int) bool {
	_, err := handoff.Read[handoff.Started](s.step.RunDir.Started(container, attempt))
	return !errors.Is(err, fs.ErrNotExist)
}

// pushesWhatIsLeft tells whether anything is wanted of what a killed shim has left.
func (s *Sidecar) pushesWhatIsLeft(container string) bool {
	return slices.ContainsFunc(s.step.OutputsOf(container), func(out handoff.Output) bool {
		return out.Mount != "" && ending{}.wants(out)
	})
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
	failed := handoff.Ready{State: handoff.Failed, Failure: s.inputFailure(err)}
	s.tellInputs(failed)
	return failed.Failure, nil
}
