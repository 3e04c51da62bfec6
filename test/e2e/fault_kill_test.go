//go:build e2e

package e2e

import (
	"context"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/test/faults"
	"github.com/converged-computing/oras-operator/test/harness"
)

// The tests of this file kill participants while there is a step at every transition of its life.

// One after the other: two nodes have not the processors that the sidecars of all ask for.
func TestFaultFinishedWorkIsKeptWhoeverIsKilledAtAnyPoint(t *testing.T) { // E5, E34, E36, E38, E46, E79
	t.Parallel()
	for _, tc := range []struct {
		who   string
		steps []*heldStep
		kill  func(t *testing.T, s *stage)
		check func(s *stage, t *testing.T)
	}{
		{"sidecar", steps(""), killSidecars, (*stage).allComplete},
		{"registry", steps(""), killRegistry, (*stage).allComplete},
		{"shim", stepsOfBothPolicies(""), killShims, (*stage).allEndAsTheirPoliciesSay},
		{"containerd shim", stepsOfBothPolicies(""), killRuntimes, (*stage).allEndAsTheirPoliciesSay},
	} {
		t.Run(tc.who, func(t *testing.T) {
			c, ns := withCache(t, nil)
			s := c.stage(t, ns)
			s.hold(t, tc.steps)
			tc.kill(t, s)
			s.release(t)
			tc.check(s, t)
		})
	}
}

func killSidecars(t *testing.T, s *stage) {
	t.Helper()
	s.killEach(t, "oras", harness.Main)
	s.allStartedAgain(t, "oras")
}

func killRegistry(t *testing.T, s *stage) {
	t.Helper()
	var pod corev1.Pod
	assert.NilError(t, s.Get(t.Context(), client.ObjectKey{Namespace: s.namespace, Name: cacheName + "-0"}, &pod))
	s.kill(t, &pod, "registry", harness.Main)
	s.startedAgain(t, &pod, "registry")
}

func killShims(t *testing.T, s *stage) {
	t.Helper()
	s.killEach(t, "app", harness.Main)
	s.allStartedAgain(t, "app")
}

func killRuntimes(t *testing.T, s *stage) {
	t.Helper()
	s.killEach(t, "app", harness.Runtime)
	s.allStartedAgain(t, "app")
}

// Not parallel: everything on the node feels it, or everything in the cluster.
func TestFaultDaemonsThatAreKilledAtAnyPointDisturbNoStep(t *testing.T) {
	c, ns := withCache(t, nil)
	worker, err := c.Worker(within(t))
	assert.NilError(t, err)
	control, err := c.ControlPlane(within(t))
	assert.NilError(t, err)
	s := c.stage(t, ns)
	s.hold(t, steps(worker))
	for _, kill := range []struct {
		node   string
		daemon harness.Daemon
	}{{worker, harness.Kubelet}, {worker, harness.Containerd}, {control, harness.APIServer}} {
		assert.NilError(t, c.KillDaemon(within(t), kill.node, kill.daemon))
		s.proxy.awaitAnswer(t)
	}
	s.release(t)
	s.allComplete(t)
}

// awaitAnswer waits until the proxy can be driven, through an API server that was just started perhaps.
func (p *proxy) awaitAnswer(t *testing.T) {
	t.Helper()
	assert.NilError(t, harness.Persist(within(t), "the proxy answers", func(ctx context.Context) (bool, error) {
		var standing []faults.Standing
		err := p.read(ctx, "rules", &standing)
		return err == nil, err
	}))
}
