package inject

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// shimCall is how a container runs its command under the shim.
type shimCall struct {
	launcher []string // what another webhook has put before it; usually nothing
	flags    []string
	command  []string // that the shim runs
}

// callOf finds the shim in what a container runs; false where it is not there.
func callOf(c corev1.Container) (shimCall, bool) {
	words := slices.Concat(c.Command, c.Args)
	start := slices.Index(words, handoff.ShimPath)
	if start < 0 {
		return shimCall{}, false
	}
	length := slices.Index(words[start:], "--")
	if length < 0 {
		return shimCall{}, false
	}
	return shimCall{words[:start], words[start+1 : start+length], words[start+length+1:]}, true
}

// isWrapped tells whether the container runs its command under the installed shim.
func isWrapped(c corev1.Container) bool {
	_, wrapped := callOf(c)
	return wrapped
}
