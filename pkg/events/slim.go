package events

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// slim takes from a pod what no Event is made of, which is most of it: a burst of thousands of steps must not fill the
// operator's memory. What is no pod is left as it is.
func slim(obj any) (any, error) {
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return obj, nil
	}
	return &corev1.Pod{
		TypeMeta: pod.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       pod.Namespace,
			Name:            pod.Name,
			UID:             pod.UID,
			ResourceVersion: pod.ResourceVersion,
			Labels:          pod.Labels,
		},
		Spec: corev1.PodSpec{
			InitContainers: slimContainers(pod.Spec.InitContainers),
			Containers:     slimContainers(pod.Spec.Containers),
		},
		Status: corev1.PodStatus{
			InitContainerStatuses: pod.Status.InitContainerStatuses,
			ContainerStatuses:     pod.Status.ContainerStatuses,
		},
	}, nil
}

// slimContainers keeps of each command that it is the shim's, if it is.
func slimContainers(containers []corev1.Container) []corev1.Container {
	slimmed := make([]corev1.Container, len(containers))
	for i, c := range containers {
		slimmed[i] = corev1.Container{Name: c.Name, TerminationMessagePolicy: c.TerminationMessagePolicy}
		if isWrapped(c) {
			slimmed[i].Command = []string{handoff.ShimPath, "--"}
		}
	}
	return slimmed
}
