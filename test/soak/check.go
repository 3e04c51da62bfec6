package soak

import (
	"fmt"
	"slices"
	"sort"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// State is how a step has ended.
type State string

// States of a step that is over.
const (
	Complete State = "complete" // its Job is
	Failed   State = "failed"   // its Job has
	NotRun   State = "not run"  // since a step that it needs has failed
	Hung     State = "hung"     // its Job has not ended within its bound
)

// Outcome is what there is to see of a step when it is over.
type Outcome struct {
	Step
	State    State
	Ends     []End               // of the app's containers, as far as their pods still tell
	Ledger   map[string][]string // lines by pod
	Excuses  map[string]int      // by pod: kills after which a command that has finished may run again
	Artifact *Artifact           // what its tag names; nil: nothing
}

// End is that of a container.
type End struct {
	Code   int32
	Reason string
}

// Artifact is what a tag names.
type Artifact struct {
	Broken     error // it cannot be pulled whole
	Differs    error // it can, but is not what the step makes
	ExitCode   *int  // of the command that made it, by its lineage
	Incomplete bool  // by its lineage
}

// Violations says which promises the outcome breaks, one sentence each.
func Violations(o Outcome) []string {
	var all []string
	for _, rule := range []func(Outcome) []string{checkEnd, checkArtifact, checkUnasked, checkRuns, checkCodes} {
		for _, sentence := range rule(o) {
			all = append(all, o.Name+": "+sentence)
		}
	}
	return all
}

func checkEnd(o Outcome) []string {
	if o.State == Hung {
		return []string{fmt.Sprintf("its Job has not ended within %s", hangBound)}
	}
	if o.State == Complete && o.ExitCode != 0 {
		return []string{fmt.Sprintf("its Job is Complete, and its command ends with %d", o.ExitCode)}
	}
	if o.State == Complete && o.wants(0) && !o.Artifact.isOf(0) {
		return []string{"its Job is Complete without its artifact"}
	}
	return nil
}

// checkArtifact holds a tag against what it may name. What a killed command has left is asked for by always and failure,
// and need not be whole.
func checkArtifact(o Outcome) []string {
	a := o.Artifact
	switch {
	case a == nil:
		return nil
	case a.Broken != nil:
		return []string{"its tag names a partial artifact: " + a.Broken.Error()}
	case a.Differs != nil && a.isOf(o.ExitCode):
		return []string{"its artifact is not what its command makes: " + a.Differs.Error()}
	}
	return nil
}

// isOf tells whether the artifact is that of a command that ended with code.
func (a *Artifact) isOf(code int) bool {
	return a != nil && !a.Incomplete && a.ExitCode != nil && *a.ExitCode == code
}

func checkUnasked(o Outcome) []string {
	a := o.Artifact
	switch {
	case a == nil:
		return nil
	case a.Incomplete && o.On == "success":
		return []string{"it has an incomplete artifact that nobody asked for"}
	case a.ExitCode != nil && !o.wants(*a.ExitCode):
		return []string{fmt.Sprintf("it has an artifact of a command that ended with %d, which nobody asked for", *a.ExitCode)}
	case a.ExitCode == nil && !a.Incomplete:
		return []string{"its artifact does not say how its command has ended"}
	case o.On == "success" && !o.finished():
		return []string{"it has an artifact, and no command has finished"}
	}
	return nil
}

// finished tells whether the command has come to its end in any pod.
func (o Outcome) finished() bool {
	for _, lines := range o.Ledger {
		if slices.Contains(lines, lineEnd) {
			return true
		}
	}
	return false
}

// checkRuns finds commands that ran again after they had finished. Those that failed do, where their pod says so; so do
// those whose output went with their container's file system.
func checkRuns(o Outcome) (all []string) {
	if o.ExitCode != 0 || !o.OutputOnVolume {
		return nil
	}
	for pod, lines := range o.Ledger {
		if again := runsAfterEnd(lines); again > o.Excuses[pod] {
			all = append(all, fmt.Sprintf("its command has run again %d times in pod %s after it had finished, where %d are explained: %v",
				again, pod, o.Excuses[pod], lines))
		}
	}
	sort.Strings(all)
	return all
}

// runsAfterEnd counts the starts that follow an end.
func runsAfterEnd(lines []string) (again int) {
	for i, line := range lines {
		if line == lineStart && slices.Contains(lines[:i], lineEnd) {
			again++
		}
	}
	return again
}

// exitLost is what containerd says of a container whose end it has lost, with the containerd shim or the node.
const exitLost = 255

// checkCodes finds exit codes that no kill could explain.
func checkCodes(o Outcome) (all []string) {
	for _, end := range o.Ends {
		if !o.explains(end) {
			all = append(all, fmt.Sprintf("a container has ended with %d (%s)", end.Code, end.Reason))
		}
	}
	return all
}

func (o Outcome) explains(end End) bool {
	switch end.Code {
	case int32(o.ExitCode), exitLost, handoff.ExitSignal + 9, handoff.ExitSignal + 15, handoff.ExitOutputs, handoff.ExitSidecarGone:
		return true
	case handoff.ExitInputs:
		return len(o.Needs) > 0
	}
	switch end.Reason { // the runtime could not start it, or has lost its end
	case "StartError", "ContainerCannotRun", "ContainerStatusUnknown", "Unknown":
		return true
	}
	return false
}

// endsOf lists how the containers of a step's pods have ended.
func endsOf(pods []corev1.Pod) []End {
	var all []End
	for _, pod := range pods {
		for _, status := range pod.Status.ContainerStatuses {
			for _, state := range []corev1.ContainerState{status.LastTerminationState, status.State} {
				if t := state.Terminated; t != nil {
					all = append(all, End{t.ExitCode, t.Reason})
				}
			}
		}
	}
	return all
}
