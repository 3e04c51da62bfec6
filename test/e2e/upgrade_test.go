//go:build e2e

package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/test/harness"
)

// What test/e2e/run has prepared: manifests of this tree's operator, and of the one that landed before.
const (
	installed = "../../dist/installed.yaml"
	previous  = "../../dist/previous.yaml"
)

// applied is a Job that a person applies from a manifest, again and again.
type applied struct {
	file string
	how  []string // arguments of kubectl before the file
	job  *batchv1.Job
}

// No other test runs meanwhile.
func TestAnUpgradeDeniesNoStepAndChangesNoJob(t *testing.T) {
	c, ns := withClaim(t)
	finally(t, func(ctx context.Context) error { return c.install(ctx, installed) })
	assert.NilError(t, kubectl(within(t), "delete", "validatingwebhookconfigurations", harness.OperatorName)) // it had none, or another
	assert.NilError(t, c.install(within(t), previous))

	jobs := c.applyInEveryWay(t, someJob(ns))
	created, failures := c.during(t, ns, func() error { return c.install(within(t), installed) })
	t.Logf("upgrade: %d of %d pods denied", len(failures), created)
	assert.Equal(t, len(failures), 0, "of %d pods: %v", created, failures)
	c.assertUnchanged(t, jobs)

	created, failures = c.during(t, ns, func() error {
		return errors.Join(kubectl(within(t), "rollout", "restart", "deployment", harness.OperatorName, "-n", harness.OperatorNamespace), c.operatorHas(within(t), 2))
	})
	assert.Equal(t, len(failures), 0, "of %d pods: %v", created, failures)
	c.assertUnchanged(t, jobs)
}

func TestAJobThatIsAppliedTwiceIsTheSame(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	c.assertUnchanged(t, c.applyInEveryWay(t, someJob(ns)))
}

func someJob(ns string) *batchv1.Job {
	return job{
		name: "applied", labels: keys{"oras-cache": "oras", "output-uri": "applied"}, args: []string{"write", "$ORAS_OUTPUT_PATH/file", "x"},
	}.object(ns)
}

// applyInEveryWay applies a Job as clients do and, under another name, as servers do.
func (c *cluster) applyInEveryWay(t *testing.T, like *batchv1.Job) []applied {
	t.Helper()
	jobs := []applied{{how: []string{"apply"}}, {how: []string{"apply", "--server-side"}}}
	for i := range jobs {
		name := like.Name + "-" + strings.Join(jobs[i].how, "")
		jobs[i].job = like.DeepCopy()
		jobs[i].job.Name = name
		jobs[i].job.TypeMeta = metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}
		manifest, err := yaml.Marshal(jobs[i].job)
		assert.NilError(t, err)
		jobs[i].file = filepath.Join(t.TempDir(), name+".yaml")
		assert.NilError(t, os.WriteFile(jobs[i].file, manifest, 0o600))
		c.applyAgain(t, &jobs[i])
		assert.Equal(t, inject.Damage(jobs[i].job.Spec.Template.Spec), "")
	}
	return jobs
}

// assertUnchanged applies the Jobs again.
func (c *cluster) assertUnchanged(t *testing.T, jobs []applied) {
	t.Helper()
	for _, a := range jobs {
		before := a.job.DeepCopy()
		c.applyAgain(t, &a)
		assert.DeepEqual(t, a.job.Spec, before.Spec)
		assert.Equal(t, a.job.Generation, before.Generation)
	}
}

// applyAgain applies a Job and reads it.
func (c *cluster) applyAgain(t *testing.T, a *applied) {
	t.Helper()
	assert.NilError(t, kubectl(within(t), append(slices.Clone(a.how), "-f", a.file)...))
	assert.NilError(t, c.Get(within(t), client.ObjectKeyFromObject(a.job), a.job))
}

// stream creates marked pods all the time, in dry runs, until it is stopped.
func (c *cluster) stream(t *testing.T, ns string) (stop func() (created int, failures []error)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var created int
	var failures []error
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			pod := marked(ns)
			err := c.Create(ctx, pod, client.DryRunAll)
			if ctx.Err() != nil {
				return
			}
			if err == nil && inject.Damage(pod.Spec) != "" {
				err = errors.New(inject.Damage(pod.Spec))
			}
			if err != nil {
				failures = append(failures, err)
			}
			created++
		}
	}()
	return func() (int, []error) {
		cancel()
		<-ended
		return created, failures
	}
}

// during creates marked pods while the operator's replicas are replaced, and returns how many and what denied some.
func (c *cluster) during(t *testing.T, ns string, replace func() error) (created int, failures []error) {
	t.Helper()
	stop := c.stream(t, ns)
	assert.NilError(t, replace())
	time.Sleep(5 * time.Second) // the last of the old replicas is gone, and the API server's connections to it
	created, failures = stop()
	assert.Assert(t, created > 100, "%d pods", created)
	return created, failures
}

// install installs an operator, and returns once only its own replicas serve.
func (c *cluster) install(ctx context.Context, manifests string) error {
	if err := kubectl(ctx, "apply", "--server-side", "--force-conflicts", "-f", manifests); err != nil {
		return err
	}
	return c.operatorHas(ctx, 2)
}
