package events

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// component is whom an Event comes from, as kubectl describe shows it.
const component = "oras-operator"

// eventsOf returns the Events that a pod should have. Equal pods have equal ones.
func eventsOf(pod *corev1.Pod) []*corev1.Event {
	var events []*corev1.Event
	for _, t := range tellings(pod) {
		events = append(events, newEvent(pod, t))
	}
	return events
}

// newEvent makes an Event of core/v1: kubectl reads no other, and those of events.k8s.io/v1 must name an action and an
// instance that there are not. Its time is that of what happened.
func newEvent(pod *corev1.Pod, t telling) *corev1.Event {
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: eventName(pod, t)},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: corev1.SchemeGroupVersion.String(),
			Kind:       "Pod",
			Namespace:  pod.Namespace,
			Name:       pod.Name,
			UID:        pod.UID,
		},
		Type:                eventType(t.notice.Reason),
		Reason:              string(t.notice.Reason),
		Message:             message(t),
		Source:              corev1.EventSource{Component: component},
		ReportingController: component,
		FirstTimestamp:      t.FinishedAt,
		LastTimestamp:       t.FinishedAt,
		Count:               1,
	}
}

func eventType(reason handoff.Reason) string {
	if slices.Contains([]handoff.Reason{handoff.ReasonInputsPulled, handoff.ReasonOutputPushed}, reason) {
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}

// message names the container, in words and not as the involved object's fieldPath, which older kubectls do not show. A
// sidecar speaks for all of them.
func message(t telling) string {
	if t.container.Name == handoff.SidecarContainer {
		return t.notice.Message
	}
	return fmt.Sprintf("container %s: %s", t.container.Name, t.notice.Message)
}

// eventName is the same for the same telling, whenever and by whom it is asked for, and differs for every other. A run
// of a container is told apart by its ID, whether it is the latest or the one before.
func eventName(pod *corev1.Pod, t telling) string {
	hash := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d %q %q",
		pod.UID, t.container.Name, t.ContainerID, t.FinishedAt.Unix(), t.notice.Reason, t.notice.Message))
	suffix := fmt.Sprintf(".%x", hash[:8])
	stem := pod.Name[:min(len(pod.Name), validation.DNS1123SubdomainMaxLength-len(suffix))]
	return strings.TrimRight(stem, "-.") + suffix
}
