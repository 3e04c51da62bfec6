//go:build e2e

package e2e

import (
	"context"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/test/faults"
	"github.com/converged-computing/oras-operator/test/harness"
)

// The tests of this file kill participants while there is a step at every transition of its life.

// The parts of this test and of the next run one after the other: two nodes have the processors that the sidecars of two parts
// request, but not of all.
func TestFaultFinishedWorkIsKeptWhenWhoPushesItIsKilledAtAnyPoint(t *testing.T) { // E5, E36, E38, E79
	t.Parallel()
	t.Run("sidecar", kept(steps(""), killEach("oras", harness.Main), (*stage).allComplete))
	t.Run("registry", kept(steps(""), func(t *testing.T, s *stage) { s.restartRegistry(t, s.namespace) }, (*stage).allComplete))
}

func TestFaultFinishedWorkIsKeptWhenWhoMakesItIsKilledAtAnyPoint(t *testing.T) { // E34, E46
	t.Parallel()
	t.Run("shim", kept(stepsOfBothPolicies(""), killEach("app", harness.Main), (*stage).allEndAsTheirPoliciesSay))
	t.Run("containerd shim", kept(stepsOfBothPolicies(""), killEach("app", harness.ContainerdShim), (*stage).allEndAsTheirPoliciesSay))
}

// kept tests that steps, each held at another point while somebody is killed, end as check says.
func kept(steps []*heldStep, kill func(*testing.T, *stage), check func(*stage, *testing.T)) func(*testing.T) {
	return func(t *testing.T) {
		c, ns := withCache(t, nil)
		s := c.stage(t, ns)
		s.hold(t, steps)
		kill(t, s)
		s.release(t)
		check(s, t)
	}
}

// killEach kills a process of a container of every step, and waits until those containers are started again that ever are.
func killEach(container string, process harness.Process) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		t.Helper()
		for _, step := range s.steps {
			s.kill(t, step.pod, container, process)
		}
		s.allStartedAgain(t, container)
	}
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
	assert.NilError(t, harness.Retry(within(t), "the proxy answers", func(ctx context.Context) (bool, error) {
		var standing []faults.Standing
		err := p.read(ctx, "rules", &standing)
		return err == nil, err
	}))
}
