//go:build e2e

package e2e

import (
	"context"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// The manifests are applied as their users do: an unknown field would be an error.
func TestManifestsOfTheFirstOperatorRunAsTheyAre(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	apply := func(file string) {
		assert.NilError(t, kubectl(within(t), "apply", "--namespace", ns, "-f", "testdata/first-operator/"+file))
	}
	apply("1-cache.yaml")
	cache := &v1alpha1.OrasCache{}
	await(t, "the cache is ready", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKey{Namespace: ns, Name: "orascache-sample"}, cache)
		return meta.IsStatusConditionTrue(cache.Status.Conditions, v1alpha1.ConditionReady), err
	})
	assert.Equal(t, cache.Status.Endpoint, "artifacts."+ns+".svc:5000")

	apply("2-makers.yaml")
	c.complete(t, ns, "breakfast")
	c.complete(t, ns, "lammps-0")
	for _, pod := range []string{"hello-world-1", "hello-world-2"} {
		await(t, pod+" has pushed and starts again", func(ctx context.Context) (bool, error) {
			var p corev1.Pod
			err := c.Get(ctx, client.ObjectKey{Namespace: ns, Name: pod}, &p)
			return restarts(&p, "my-container") > 0, err
		})
	}
	apply("3-takers.yaml")
	c.complete(t, ns, "hello-world-3")
	c.complete(t, ns, "analyze")

	address, _, err := c.Forward(within(t), ns, "orascache-sample-0", 5000)
	assert.NilError(t, err)
	for artifact, want := range map[string]map[string]string{
		"dinosaur/hello-world:one":      {"hello-world-1.txt": ""},
		"dinosaur/hello-world:two":      {"hello-world-2.txt": ""},
		"dinosaur/hello-world:pancakes": {"pancakes.txt": "blueberry\n"},
		"dinosaur/hello-world:analyzed": {"analyzed.txt": "blackberry\n"},
		"metric/lammps:iter-0":          {"lammps.out": "42\n"},
	} {
		dir := t.TempDir()
		oras(t, "", "pull", "--plain-http", "--output", dir, address+"/"+artifact)
		assert.Assert(t, is.DeepEqual(contents(t, dir), want), artifact)
	}
}
