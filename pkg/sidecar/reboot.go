package sidecar

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// reboot is what a restart of the node leaves to be done: nobody knows what volumes still hold, for one may be in memory.
type reboot struct {
	mu  sync.Mutex
	due bool // the inputs on volumes are to be written again
}

// takeUp takes up a verdict of before the node was restarted. The inputs on volumes are written again before anybody gets
// them, but not yet: what a command made of them may lie among them, and only be left to be pushed.
func (s *Sidecar) takeUp(ready handoff.Ready) error {
	if len(ready.Inputs) > len(s.lentInputs(ready)) {
		ready.Rebooted, ready.Deliver = true, true
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
	s.reboot.due = ready.Rebooted
	s.inputs.settle(ready)
}

// afterReboot writes the inputs on volumes again, if that is due. The first who needs them does it, while the others wait.
func (s *Sidecar) afterReboot(ctx context.Context, ready handoff.Ready, counters *transfer.Counters) error {
	s.reboot.mu.Lock()
	defer s.reboot.mu.Unlock()
	if !s.reboot.due {
		return nil
	}
	if err := s.fillVolumes(ctx, slices.Clone(ready.Inputs), counters); err != nil {
		return err
	}
	ready.Rebooted = false
	if err := handoff.Write(s.step.RunDir.Ready(), ready); err != nil {
		return fmt.Errorf("recording that the inputs are in place again: %w", err)
	}
	s.reboot.due = false
	return nil
}

// hearGate does what a gate connects for: inputs that have failed are tried again, and those that a restart of the node may
// have lost are in place when it returns.
func (s *Sidecar) hearGate(ctx context.Context) error {
	if err := s.appeal(); err != nil {
		return err
	}
	if !s.inputs.settled() {
		return nil
	}
	ready, err := s.inputs.wait(ctx)
	if err != nil || ready.State != handoff.OK {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.step.PullTimeout)
	defer cancel()
	return s.afterReboot(ctx, ready, new(transfer.Counters))
}
