package handoff

import "slices"

// Names of the containers and volumes by which a pod takes part in the hand-off.
const (
	SidecarContainer = "oras"      // native sidecar: pulls, pushes, leaves notices
	ShimContainer    = "oras-shim" // init container that installs the shim
	GateContainer    = "oras-gate" // init container that keeps the pod from starting without its inputs

	BinVolume = "oras-bin" // mounted at BinDir
	RunVolume = "oras-run" // mounted at DefaultDir
)

// ShimCall is how a container runs its command under the installed shim.
type ShimCall struct {
	Launcher []string // what another webhook has put before the shim; usually nothing
	Flags    []string // of the shim
	Command  []string // that the shim runs
}

// FindShim finds the shim in the words that a container runs, its command and its arguments; false where it is not there.
func FindShim(words []string) (ShimCall, bool) {
	start := slices.Index(words, ShimPath)
	if start < 0 {
		return ShimCall{}, false
	}
	length := slices.Index(words[start:], "--")
	if length < 0 {
		return ShimCall{}, false
	}
	return ShimCall{words[:start], words[start+1 : start+length], words[start+length+1:]}, true
}
