// Package handoff is the protocol between the shim, which wraps a container's command, and the sidecar, which moves
// files between the container and a registry: the records that each leaves on a shared volume, how they are written,
// read and waited for, and the socket over which the shim lends file descriptors. README.md beside this file is the
// specification. Nobody else joins the paths or encodes the records.
package handoff

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Where the parts of the hand-off are in every container that takes part.
const (
	Root           = "/oras"               // above all of them; nothing else of a pod is mounted there
	BinDir         = Root + "/bin"         // the installed shim, read-only in the application
	ShimPath       = BinDir + "/shim"      // the installed shim itself
	OutDir         = Root + "/out"         // the default output directory, $ORAS_OUTPUT_PATH
	CredentialsDir = Root + "/credentials" // where the sidecar has the user's Docker configuration, as config.json
	LoginDir       = Root + "/login"       // where the sidecar has files ORAS_USER, ORAS_PASS and the like
	AccessDir      = Root + "/access"      // where the sidecar has a token of its ServiceAccount and the registry's certificate authority
	VolumeDir      = Root + "/volumes"     // where the sidecar mounts the volumes of inputs and outputs: VolumeDir/0, VolumeDir/1, …
)

// DefaultDir is where the records and the socket are.
const DefaultDir Dir = Root + "/run"

// Dir is the root of the volume that the records are on.
type Dir string

// Sidecar is the directory that only the sidecar writes to; application containers mount it read-only.
func (d Dir) Sidecar() string { return filepath.Join(string(d), "sidecar") }

// App is the directory that only the shim of one container writes to.
func (d Dir) App(container string) string { return filepath.Join(string(d), "app", container) }

// Socket is the sidecar's listening Unix socket.
func (d Dir) Socket() string { return filepath.Join(d.Sidecar(), "sock") }

// Ready is the sidecar's verdict on the inputs that lie on volumes, and so on the pod's start: a Ready record.
func (d Dir) Ready() string { return filepath.Join(d.Sidecar(), "ready") }

// Delivered is the sidecar's verdict on the inputs of one attempt, those it writes through the shim too: a Ready record.
func (d Dir) Delivered(container string, attempt int) string {
	return filepath.Join(d.Sidecar(), container, strconv.Itoa(attempt), "ready")
}

// Pushed is the sidecar's verdict on the outputs of one attempt: a Pushed record.
func (d Dir) Pushed(container string, attempt int) string {
	return filepath.Join(d.Sidecar(), container, strconv.Itoa(attempt), "pushed")
}

// Attempt is the directory of one attempt's records by the shim.
func (d Dir) Attempt(container string, attempt int) string {
	return filepath.Join(d.App(container), strconv.Itoa(attempt))
}

// maxAttempt is beyond any number of restarts; a directory with a higher number was not made by a shim.
const maxAttempt = 1_000_000_000

// LastAttempt returns the highest number of an attempt of the container; 0 for none.
func (d Dir) LastAttempt(container string) (int, error) {
	all, err := d.Attempts(container)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return all[len(all)-1], nil
}

// Attempts returns the numbers of the container's attempts, in order.
func (d Dir) Attempts(container string) ([]int, error) {
	entries, err := os.ReadDir(d.App(container))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && n > 0 && n <= maxAttempt {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// Claim is written by the shim before it connects: a Claim record.
func (d Dir) Claim(container string, attempt int) string {
	return filepath.Join(d.Attempt(container, attempt), "claim")
}

// Started is written by the shim when the command runs: a Started record.
func (d Dir) Started(container string, attempt int) string {
	return filepath.Join(d.Attempt(container, attempt), "started")
}

// Done is written by the shim when the command has ended: a Done record.
func (d Dir) Done(container string, attempt int) string {
	return filepath.Join(d.Attempt(container, attempt), "done")
}

// Breakpoint is written by a shim that holds for a person: a Breakpoint record.
func (d Dir) Breakpoint(container string, attempt int) string {
	return filepath.Join(d.Attempt(container, attempt), "breakpoint")
}

// Resume is written by who lets such a shim go on: a Resume record.
func (d Dir) Resume(container string, attempt int) string {
	return filepath.Join(d.Attempt(container, attempt), "resume")
}

// SidecarSubPath is the volume's subPath for the sidecar's directory. Mounting only that, and one's own, keeps each
// writer to its own directory.
const SidecarSubPath = "sidecar"

// AppSubPath is the volume's subPath for the directory of one container.
func AppSubPath(container string) string { return "app/" + container }
