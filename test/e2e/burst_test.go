//go:build e2e

package e2e

import (
	"context"
	"testing"

	"golang.org/x/sync/errgroup"
	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/test/harness"
)

// The long form is `make bench-admission`. No scheduler takes these pods, so that they cost no node anything. The test does
// not run beside others, since it counts what the webhooks are asked.
func TestE59ABurstOfPodsIsInjectedAndPodsWithoutKeysAreNotAskedAbout(t *testing.T) {
	const pods = 300
	c, ns := withCache(t, nil)
	before := c.asked(t)
	for _, pod := range c.burst(t, pods, marked(ns)) {
		assert.Equal(t, inject.Damage(pod.Spec), "")
	}
	between := c.asked(t)
	// One changes a pod, one checks it. One more for each would be the API server's doing, which asks again where it has itself
	// changed what was injected.
	assert.Assert(t, between-before >= 2*pods && between-before < 3*pods, "%d requests", between-before)
	bare := marked(ns)
	bare.Labels = nil
	for _, pod := range c.burst(t, pods, bare) {
		assert.Assert(t, !inject.Injected(pod.Spec))
	}
	assert.Equal(t, c.asked(t), between)
}

// The container runtime, which reads what the operator logs, is stopped, as it is for an upgrade or by a disk that hangs. A pipe
// holds the lines of some hundred pods. Not parallel: no container starts on those nodes meanwhile.
func TestFaultPodsAreAdmittedWhileNothingReadsTheOperatorsLog(t *testing.T) {
	const pods = 1000
	c, ns := withCache(t, nil)
	managers, err := c.Managers(within(t))
	assert.NilError(t, err)
	for _, manager := range managers {
		node := manager.Spec.NodeName
		finally(t, func(ctx context.Context) error { return c.ContinueDaemon(ctx, node, harness.Containerd) })
		assert.NilError(t, c.StopDaemon(within(t), node, harness.Containerd))
	}
	c.burst(t, pods, marked(ns))
}

// burst creates so many pods like one, 30 at any time, and returns them.
func (c *cluster) burst(t *testing.T, pods int, like *corev1.Pod) []*corev1.Pod {
	t.Helper()
	made := make([]*corev1.Pod, pods)
	var group errgroup.Group
	group.SetLimit(30)
	ctx := within(t)
	for i := range made {
		made[i] = like.DeepCopy()
		made[i].Name, made[i].GenerateName, made[i].Spec.SchedulerName = "", "burst-", "none"
		group.Go(func() error { return c.Create(ctx, made[i]) })
	}
	assert.NilError(t, group.Wait())
	return made
}

// asked is how often the webhooks were, since the managers started.
func (c *cluster) asked(t *testing.T) uint64 {
	t.Helper()
	asked, timed, err := c.WebhookRequests(within(t))
	assert.NilError(t, err)
	assert.Equal(t, timed, asked)
	return asked
}
