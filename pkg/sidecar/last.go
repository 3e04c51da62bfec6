package sidecar

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// onlyAttempt is the number under which the outputs of a container without a shim are recorded: nobody counts its starts.
const onlyAttempt = 1

// last does what is left to do once every container has ended: it buries the shims that were killed, or pushes what
// containers without one have made. The pod's grace period bounds it.
func (s *Sidecar) last() {
	for _, container := range s.step.Containers {
		if s.step.Unwrapped {
			s.pushUnwrapped(container)
			continue
		}
		s.buryBefore(container, math.MaxInt) // all of them
	}
}

// pushUnwrapped pushes the outputs of a container that nothing is known of but that it has ended.
func (s *Sidecar) pushUnwrapped(container string) {
	ready, err := handoff.Read[handoff.Ready](s.step.RunDir.Ready())
	if err != nil || ready.State != handoff.OK {
		return // the pod never came beyond its inputs
	}
	if _, known := s.pushed(container, onlyAttempt); known {
		return
	}
	s.pushUnattended(ending{
		container: container, attempt: onlyAttempt, ranAs: onlyAttempt, at: time.Now(), inputs: ready.Inputs,
		source: mounted,
	})
}

// forgetLast removes what a sidecar before this one has recorded of such pushes: it took the pod to be ending, and the
// containers run anew.
func (s *Sidecar) forgetLast() error {
	if !s.step.Unwrapped {
		return nil
	}
	for _, container := range s.step.Containers {
		if err := os.Remove(s.step.RunDir.Pushed(container, onlyAttempt)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a stale record: %w", err)
		}
	}
	return nil
}
