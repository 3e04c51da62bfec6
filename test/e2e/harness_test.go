//go:build e2e

package e2e

import (
	"context"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/test/harness"
)

// within bounds what a test asks of the cluster by patience.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// kill sends SIGKILL to a process of a container of a pod, once that runs.
func (c *cluster) kill(t *testing.T, pod *corev1.Pod, container string, process harness.Process) {
	t.Helper()
	assert.NilError(t, c.Kill(within(t), pod, container, process))
}

// exec runs a command in container app, as kubectl exec does.
func (c *cluster) exec(t *testing.T, pod *corev1.Pod, command ...string) {
	t.Helper()
	_, err := c.Exec(within(t), pod, "app", command...)
	assert.NilError(t, err)
}
