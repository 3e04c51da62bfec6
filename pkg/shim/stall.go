package shim

import (
	"sync/atomic"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// stall bounds a push that gets nowhere in a container that was told to stop: it may be waiting for a registry that is
// being deleted too. One that gets on may take as long as the grace period.
type stall struct {
	limit   time.Duration // 0: none
	matters atomic.Bool   // the container was told to stop

	last  handoff.Progress
	since time.Time // of the last progress, or since it matters
}

// check is an error when nothing has moved for too long.
func (s *stall) check(now handoff.Progress, at time.Time) error {
	if s.limit == 0 || !s.matters.Load() {
		return nil
	}
	if s.since.IsZero() || now != s.last {
		s.last, s.since = now, at
		return nil
	}
	if at.Sub(s.since) < s.limit {
		return nil
	}
	return endf(handoff.ExitOutputs, "The container was told to stop, and nothing of its outputs was pushed for %s.", s.limit)
}
