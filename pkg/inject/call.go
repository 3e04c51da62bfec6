package inject

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// callOf finds the shim in what a container runs; false where it is not there.
func callOf(c corev1.Container) (handoff.ShimCall, bool) {
	return handoff.FindShim(slices.Concat(c.Command, c.Args))
}

// isWrapped tells whether the container runs its command under the installed shim.
func isWrapped(c corev1.Container) bool {
	_, wrapped := callOf(c)
	return wrapped
}
