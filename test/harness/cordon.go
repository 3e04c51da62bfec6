package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Cordon keeps new pods off a node. It returns when the scheduler heeds it, which may take half a minute after the API server
// was killed: until the scheduler watches nodes again, it goes by what it knew of them.
func (c *Cluster) Cordon(ctx context.Context, node string) error {
	if err := c.setUnschedulable(ctx, node, true); err != nil {
		return err
	}
	return Retry(ctx, "no pod is put on "+node, func(ctx context.Context) (bool, error) {
		assigned, err := c.takesPods(ctx, node)
		return !assigned, err
	})
}

// Uncordon lets new pods be put on a node again.
func (c *Cluster) Uncordon(ctx context.Context, node string) error {
	return c.setUnschedulable(ctx, node, false)
}

func (c *Cluster) setUnschedulable(ctx context.Context, node string, yes bool) error {
	return Retry(ctx, fmt.Sprintf("node %s has unschedulable: %t", node, yes), func(ctx context.Context) (bool, error) {
		now, err := c.Kube.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		now.Spec.Unschedulable = yes
		_, err = c.Kube.CoreV1().Nodes().Update(ctx, now, metav1.UpdateOptions{})
		return err == nil, err
	})
}

// takesPods tries whether the scheduler assigns to a node a pod that may run nowhere else.
func (c *Cluster) takesPods(ctx context.Context, node string) (assigned bool, err error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: agents, GenerateName: "cordon-"},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{corev1.LabelHostname: node},
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			Containers:                    []corev1.Container{{Name: "none", Image: AppImage, ImagePullPolicy: corev1.PullNever}},
		},
	}
	if err := c.createCopy(ctx, agentNamespace()); err != nil {
		return false, err
	}
	if err := c.Create(ctx, pod); err != nil {
		return false, err
	}
	defer func() {
		err = errors.Join(err, client.IgnoreNotFound(c.Delete(ctx, pod, client.GracePeriodSeconds(0))))
	}()
	return assigned, Await(ctx, "the scheduler has seen "+pod.Name, func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		assigned = pod.Spec.NodeName != ""
		return assigned || isRefused(pod), err
	})
}

func isRefused(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodScheduled && condition.Reason == corev1.PodReasonUnschedulable
	})
}
