//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

// try creates an object in a dry run.
func (c *cluster) try(t *testing.T, object client.Object) error {
	t.Helper()
	return c.Create(within(t), object, client.DryRunAll)
}

// finally does something when the test is over, whether or not it went well.
func finally(t *testing.T, do func(ctx context.Context) error) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(cleanupContext(), patience)
		defer cancel()
		assert.Check(t, do(ctx))
	})
}

// kubectl runs the cluster's own.
func kubectl(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "../cluster/kubectl", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
