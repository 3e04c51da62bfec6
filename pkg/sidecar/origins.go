package sidecar

import (
	"slices"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// maxOrigins is how many names of inputs are remembered for the outputs, all together: some 30 MB.
const maxOrigins = 100_000

// origins are the inputs that outputs may hold parts of. What is as it was when it was pulled is not read again.
type origins struct {
	bases []*transfer.Base
	names int
}

// add notes what has just been pulled into a place. An artifact that others made has no base.
func (o *origins) add(base *transfer.Base, at tree.Place) {
	if base == nil || o.names+base.Len() > maxOrigins {
		return
	}
	listing, err := at.List()
	if err != nil {
		return // then everything is read
	}
	base.Observe(listing)
	o.bases, o.names = append(o.bases, base), o.names+base.Len()
}

// settled returns them when everything that is written from now on can be told.
func (o *origins) settled() *[]*transfer.Base {
	if len(o.bases) > 0 {
		time.Sleep(transfer.ClockTick)
	}
	return &o.bases
}

// bases returns what the outputs may be made of.
func (s *Sidecar) bases() []*transfer.Base {
	if bases := s.origins.Load(); bases != nil {
		return *bases
	}
	return nil
}

// mayHold tells whether an output may hold some of an input, as far as their paths say.
func (s *Sidecar) mayHold(art handoff.Artifact) bool {
	return slices.ContainsFunc(s.step.Outputs, func(out handoff.Output) bool { return mayOverlap(art.Path, out.Path) })
}
