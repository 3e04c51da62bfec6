package events

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// reasonHandoffFailed is of a container that ended because the hand-off itself does not work.
const reasonHandoffFailed handoff.Reason = "HandoffFailed"

// telling is what one Event is to tell.
type telling struct {
	end
	notice handoff.Notice
}

// tellings returns what is to be told of a pod. What a container that failed has said itself, its sidecar does not say
// again.
func tellings(pod *corev1.Pod) []telling {
	all := ends(pod)
	var told []telling
	for _, e := range all {
		if notice, ok := failure(e); ok {
			told = append(told, telling{e, notice})
		}
	}
	for _, e := range all {
		if e.container.Name != handoff.SidecarContainer {
			continue
		}
		for _, notice := range handoff.ParseNotices(e.Message) {
			if !slices.ContainsFunc(told, func(t telling) bool { return t.notice.Message == notice.Message }) {
				told = append(told, telling{e, notice})
			}
		}
	}
	return told
}

// failure is what a container that ended with an exit code of the hand-off has to tell.
func failure(e end) (handoff.Notice, bool) {
	reason, ok := reasonOf(e.ExitCode)
	if !ok || !explains(e) {
		return handoff.Notice{}, false
	}
	notice := handoff.NewNotice(reason, e.Message)
	return notice, notice.Message != ""
}

// reasonOf is what an exit code stands for, if it is one of the hand-off's.
func reasonOf(exitCode int32) (handoff.Reason, bool) {
	switch exitCode {
	case handoff.ExitInputs:
		return handoff.ReasonInputPullFailed, true
	case handoff.ExitOutputs, handoff.ExitRefused:
		return handoff.ReasonOutputPushFailed, true
	case handoff.ExitSidecarGone, handoff.ExitConfig:
		return reasonHandoffFailed, true
	}
	return "", false
}

// explains tells whether the termination message is the hand-off's, rather than of a command that happens to end with one
// of its exit codes. A shim leaves one only where the command was not at fault. Where the kubelet puts the end of a log in
// the place of a missing message, that has line ends, and a shim's sentence has none.
func explains(e end) bool {
	if e.container.Name == handoff.GateContainer {
		return true
	}
	isLog := e.container.TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError &&
		strings.Contains(e.Message, "\n")
	return isWrapped(e.container) && !isLog
}

// isWrapped tells whether the container runs its command under the installed shim.
func isWrapped(c corev1.Container) bool {
	_, wrapped := handoff.FindShim(slices.Concat(c.Command, c.Args))
	return wrapped
}
