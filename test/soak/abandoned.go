package soak

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// abandonedAfter is how long a pod must have been without its sandbox to count as abandoned.
const abandonedAfter = 45 * time.Second

// abandoned tells whether the kubelet does nothing for a pod any more, and never will: one that is not to be restarted, and
// whose node was lost after its first container had been created and before its last one had. It stays Pending until somebody
// deletes it, with a sidecar or without (kubernetes/kubernetes#118321).
func abandoned(pod corev1.Pod, now time.Time) bool {
	if pod.Spec.RestartPolicy != corev1.RestartPolicyNever || pod.Status.Phase != corev1.PodPending || pod.DeletionTimestamp != nil {
		return false
	}
	created := false
	for _, status := range pod.Status.InitContainerStatuses {
		created = created || status.ContainerID != ""
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReadyToStartContainers {
			return created && condition.Status == corev1.ConditionFalse && now.Sub(condition.LastTransitionTime.Time) > abandonedAfter
		}
	}
	return false
}

// deleteAbandoned does what the person would who looks after the cluster; the Job gets another pod.
func (p *player) deleteAbandoned(ctx context.Context) error {
	var pods corev1.PodList
	if err := p.List(ctx, &pods, client.InNamespace(p.namespace)); err != nil {
		return err
	}
	for _, pod := range pods.Items {
		if !abandoned(pod, time.Now()) {
			continue
		}
		if err := p.Delete(ctx, &pod, client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
			return err
		}
		p.abandoned++
	}
	return nil
}
