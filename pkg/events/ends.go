package events

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// end is how one run of a container ended.
type end struct {
	corev1.ContainerStateTerminated
	container corev1.Container
}

// ends returns how the containers of a pod ended, as far as its status still says: the latest two runs of each.
func ends(pod *corev1.Pod) []end {
	return append(
		endsOf(pod.Spec.InitContainers, pod.Status.InitContainerStatuses),
		endsOf(pod.Spec.Containers, pod.Status.ContainerStatuses)...,
	)
}

func endsOf(containers []corev1.Container, statuses []corev1.ContainerStatus) []end {
	var all []end
	for _, status := range statuses {
		i := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == status.Name })
		if i < 0 {
			continue
		}
		for _, state := range []corev1.ContainerState{status.LastTerminationState, status.State} {
			if state.Terminated != nil {
				all = append(all, end{container: containers[i], ContainerStateTerminated: *state.Terminated})
			}
		}
	}
	return all
}
