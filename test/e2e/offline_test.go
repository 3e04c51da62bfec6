//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/test/harness"
)

// No other test runs meanwhile: the cluster has neither the operator's webhooks nor the operator.
func TestWhatInjectPrintsRunsWithoutTheOperator(t *testing.T) {
	c, ns := withCache(t, nil)
	step := job{
		name: "offline", labels: keys{"oras-cache": "oras", "output-uri": "offline"}, args: []string{"write", "$ORAS_OUTPUT_PATH/file", "made"},
	}.object(ns)
	step.TypeMeta = metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}
	manifest, err := yaml.Marshal(step)
	assert.NilError(t, err)
	file := filepath.Join(t.TempDir(), "job.yaml")
	assert.NilError(t, os.WriteFile(file, manifest, 0o600))
	injected, err := exec.CommandContext(within(t), os.Getenv("OPERATOR"), "inject", "-f", file, "--sidecar-image="+c.sidecarImage(t, ns)).Output()
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(file, injected, 0o600))

	finally(t, func(ctx context.Context) error { return c.install(ctx, installed) })
	assert.NilError(t, c.scaleOperator(within(t), 0))
	for _, kind := range []string{"mutatingwebhookconfigurations", "validatingwebhookconfigurations"} {
		assert.NilError(t, kubectl(within(t), "delete", kind, harness.OperatorName))
	}
	assert.NilError(t, kubectl(within(t), "apply", "-f", file))
	c.complete(t, ns, "offline")
	assert.DeepEqual(t, c.pull(t, ns, "offline:latest"), map[string]string{"file": "made"})
	assert.NilError(t, c.Delete(within(t), step, client.PropagationPolicy(metav1.DeletePropagationBackground)))
}

// sidecarImage is the one that the operator gives to steps.
func (c *cluster) sidecarImage(t *testing.T, ns string) string {
	t.Helper()
	pod := marked(ns)
	assert.NilError(t, c.try(t, pod))
	return pod.Spec.InitContainers[0].Image
}
