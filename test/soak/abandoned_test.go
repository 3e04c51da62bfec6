package soak

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAPodThatTheKubeletHasAbandonedIsKnown(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		change func(*corev1.Pod)
		want   bool
	}{
		"without its sandbox for long":     {func(*corev1.Pod) {}, true},
		"not for long":                     {func(p *corev1.Pod) { p.Status.Conditions[0].LastTransitionTime = metav1.NewTime(now) }, false},
		"with a sandbox":                   {func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionTrue }, false},
		"whose first container is to come": {func(p *corev1.Pod) { p.Status.InitContainerStatuses[0].ContainerID = "" }, false},
		"that is restarted":                {func(p *corev1.Pod) { p.Spec.RestartPolicy = corev1.RestartPolicyOnFailure }, false},
		"that runs":                        {func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning }, false},
	} {
		t.Run(name, func(t *testing.T) {
			pod := corev1.Pod{
				Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever},
				Status: corev1.PodStatus{
					Phase:                 corev1.PodPending,
					InitContainerStatuses: []corev1.ContainerStatus{{ContainerID: "containerd://1"}},
					Conditions: []corev1.PodCondition{{
						Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionFalse,
						LastTransitionTime: metav1.NewTime(now.Add(-time.Hour)),
					}},
				},
			}
			tc.change(&pod)
			assert.Equal(t, abandoned(pod, now), tc.want)
		})
	}
}
