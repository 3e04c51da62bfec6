//go:build e2e

package e2e

import (
	"context"
	"testing"

	"gotest.tools/v3/assert"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/test/harness"
)

// The node is gone as by a power cut, and comes back as by a reboot; one of kind has the boot ID of before, though. Meanwhile
// somebody gives up a pod that was on it, so that its Job gets another one elsewhere; the others are still the node's when it
// is back. Not parallel: everything on the node is gone.
func TestFaultANodeThatIsLostForAWhileLosesNoFinishedWork(t *testing.T) {
	c := connect(t)
	worker := c.quietWorker(t)
	ns := c.namespace(t, nil)
	c.cache(t, ns)
	s := c.stage(t, ns)
	assert.NilError(t, c.Uncordon(within(t), worker))
	s.hold(t, stepsOfBothPolicies(worker))
	moved := s.movable(t, worker)

	assert.NilError(t, c.Cordon(within(t), worker))
	finally(t, func(ctx context.Context) error { return c.StartNode(ctx, worker) })
	assert.NilError(t, c.KillNode(within(t), worker))
	s.giveUp(t, moved)
	s.exec(t, s.pod(t, ns, moved.name()), "/app", "write", ledger+"/go", "")
	s.completes(t, moved, 1)
	assert.NilError(t, c.StartNode(within(t), worker))
	s.allStartedAgain(t, "app")
	s.release(t)
	s.allEndAsTheirPoliciesSay(t)
	s.isWhole(t, moved, 1)
}

// movable starts a step that runs on a node and need not, and waits until it does.
func (s *stage) movable(t *testing.T, node string) *heldStep {
	t.Helper()
	step := &heldStep{transition: transition{name: "moved"}}
	object := step.object(s.namespace, s.proxy)
	object.Spec.Template.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{
			Weight: 100,
			Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
				{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node}},
			}},
		}},
	}}
	assert.NilError(t, s.Create(t.Context(), object))
	s.reach(t, step)
	assert.Equal(t, step.pod.Spec.NodeName, node)
	return step
}

// giveUp deletes the pod of a step as somebody does who knows that its node will not be back, and waits until it has another.
func (s *stage) giveUp(t *testing.T, step *heldStep) {
	t.Helper()
	lost := step.pod.UID
	assert.NilError(t, s.Delete(t.Context(), step.pod, client.GracePeriodSeconds(0)))
	await(t, "Job "+step.name()+" has another pod", func(ctx context.Context) (bool, error) {
		pod, err := s.podOf(ctx, s.namespace, step.name())
		return pod != nil && pod.UID != lost, err
	})
}

// quietWorker returns a node that may be lost: nothing that a test relies on runs there, nor will as long as it is cordoned,
// which ends with the test at the latest.
func (c *cluster) quietWorker(t *testing.T) string {
	t.Helper()
	worker, err := c.Worker(within(t))
	assert.NilError(t, err)
	finally(t, func(ctx context.Context) error { return c.Uncordon(ctx, worker) })
	assert.NilError(t, c.Cordon(within(t), worker))
	for _, namespace := range []string{"kube-system", "local-path-storage", harness.OperatorNamespace} {
		var deployments appsv1.DeploymentList
		assert.NilError(t, c.List(t.Context(), &deployments, client.InNamespace(namespace)))
		for _, d := range deployments.Items {
			c.moveOff(t, &d, worker)
		}
	}
	return worker
}

// moveOff waits until no pod of a Deployment is on a node, which is cordoned, and as many as there shall be are ready.
func (c *cluster) moveOff(t *testing.T, deployment *appsv1.Deployment, node string) {
	t.Helper()
	var pods corev1.PodList
	assert.NilError(t, c.List(t.Context(), &pods, client.InNamespace(deployment.Namespace),
		client.MatchingLabels(deployment.Spec.Selector.MatchLabels)))
	for _, pod := range pods.Items {
		if pod.Spec.NodeName == node {
			assert.NilError(t, c.Delete(t.Context(), &pod))
			c.gone(t, &pod)
		}
	}
	await(t, "deployment "+deployment.Name+" is available", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(deployment), deployment)
		return deployment.Status.ReadyReplicas == ptr.Deref(deployment.Spec.Replicas, 1), err
	})
}
