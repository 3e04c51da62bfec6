package sidecar

import (
	"path"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// tellOverlap says which of the inputs that are in place already an input goes into, or around.
func (s *Sidecar) tellOverlap(art handoff.Artifact, earlier []handoff.Artifact) {
	for _, e := range earlier {
		if overlap(art.Path, e.Path) {
			s.log.Info("An input goes where an earlier one is. What both have is as in the later one.",
				"input", art.Pinned(), "path", art.Path, "earlier", e.Pinned())
		}
	}
}

// overlap tells whether one of two directories, both absolute or both relative to the same, is the other or lies in it.
func overlap(a, b string) bool {
	if path.IsAbs(a) != path.IsAbs(b) {
		return false
	}
	x, y := tree.Path(path.Clean(a)), tree.Path(path.Clean(b))
	return x.Beneath(y) || y.Beneath(x) || x == "/" || y == "/"
}
