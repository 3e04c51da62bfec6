package sidecar

import (
	"context"
	"math"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// onlyAttempt is the number under which the outputs of a container without a shim are recorded: nobody counts its starts.
const onlyAttempt = 1

// last does what is left to do once every container has ended: it buries the shims that were killed, or pushes what
// containers without one have made. The pod's grace period bounds it.
func (s *Sidecar) last(ctx context.Context) {
	for _, container := range s.step.Containers {
		if s.step.Unwrapped {
			s.pushUnwrapped(ctx, container)
			continue
		}
		s.buryBefore(ctx, container, math.MaxInt)
	}
}

// pushUnwrapped pushes the outputs of a container that nothing is known of but that it has ended.
func (s *Sidecar) pushUnwrapped(ctx context.Context, container string) {
	ready, err := handoff.Read[handoff.Ready](s.step.RunDir.Ready())
	if err != nil || ready.State != handoff.OK {
		return // the pod never came beyond its inputs
	}
	if _, known := s.pushed(container, onlyAttempt); known {
		return
	}
	s.pushUnattended(ctx, ending{
		container: container, attempt: onlyAttempt, ranAs: onlyAttempt, at: time.Now(), inputs: ready.Inputs,
		source: mounted,
	})
}
