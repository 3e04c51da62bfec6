//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The image is in the registry of the namespace's cache, where the operator finds it, and on the nodes, which have no access
// to that one.
func TestAContainerWithoutACommandRunsWhatItsImageSays(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	service := &corev1.Service{}
	assert.NilError(t, c.Get(within(t), client.ObjectKey{Namespace: ns, Name: cacheName}, service))
	inCluster, err := name.NewTag(service.Spec.ClusterIP + ":5000/tools/app:v1")
	assert.NilError(t, err)
	here, err := name.NewTag(c.forward(t, ns)+"/tools/app:v1", name.Insecure)
	assert.NilError(t, err)
	app, err := tarball.ImageFromPath("../../dist/app.tar", nil)
	assert.NilError(t, err)
	assert.NilError(t, remote.Write(here, app, remote.WithContext(within(t))))
	archive := filepath.Join(t.TempDir(), "image.tar")
	assert.NilError(t, tarball.WriteToFile(archive, inCluster, app))
	out, err := exec.CommandContext(within(t), "../cluster/load", archive).CombinedOutput()
	assert.NilError(t, err, string(out))

	step := job{
		name: "own", labels: keys{"oras-cache": "oras", "output-uri": "own"}, args: []string{"write", "$ORAS_OUTPUT_PATH/file", "made"}, noCommand: true,
	}.object(ns)
	step.Spec.Template.Spec.Containers[0].Image = inCluster.String()
	manifest := step.DeepCopy()
	unknown := step.DeepCopy()
	unknown.Spec.Template.Spec.Containers[0].Image = service.Spec.ClusterIP + ":5000/tools/none:v1"
	assert.ErrorContains(t, c.try(t, unknown), `container "app" has no command`)
	assert.NilError(t, c.Create(within(t), step))
	assert.DeepEqual(t, step.Spec.Template.Spec.Containers[0].Command[len(step.Spec.Template.Spec.Containers[0].Command)-4:],
		[]string{"/app", "write", "$ORAS_OUTPUT_PATH/file", "made"})
	c.complete(t, ns, "own")
	assert.DeepEqual(t, c.pull(t, ns, "own:latest"), map[string]string{"file": "made"})
	c.assertUnchanged(t, c.applyInEveryWay(t, manifest))
}
