//go:build e2e

package e2e

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/test/harness"
)

// roleLabel is on the Jobs and the pods of a JobSet.
const roleLabel = "jobset.sigs.k8s.io/replicatedjob-name"

// JobSet has webhooks of its own for JobSets and for their pods.
func TestE60ThePodsOfAJobSetAreSteps(t *testing.T) {
	t.Parallel()
	c := connect(t)
	c.installJobSet(t)

	t.Run("each role by keys of its own", func(t *testing.T) {
		t.Parallel()
		ns := c.namespace(t, nil)
		c.cache(t, ns)
		set := jobSet(t, ns,
			role{"launcher", 1, keys{"oras-cache": "oras", "output-uri": "launcher"}, []string{"write", "$ORAS_OUTPUT_PATH/file", "led"}},
			role{"worker", 2, keys{"oras-cache": "oras", "output-uri": "worker-{index}"}, []string{"write", "$ORAS_OUTPUT_PATH/file", "worked"}},
		)
		assert.NilError(t, c.Create(t.Context(), set))
		c.completed(t, set)
		assert.DeepEqual(t, c.pull(t, ns, "launcher:latest"), map[string]string{"file": "led"})
		for _, artifact := range []string{"worker-0:latest", "worker-1:latest"} {
			assert.DeepEqual(t, c.pull(t, ns, artifact), map[string]string{"file": "worked"})
		}
		var jobs batchv1.JobList
		assert.NilError(t, c.List(t.Context(), &jobs, client.InNamespace(ns)))
		assert.Assert(t, is.Len(jobs.Items, 2))
		for _, job := range jobs.Items {
			isStepOnce(t, job.Spec.Template.Spec)
		}
		pods := append(c.podsOf(t, ns, "launcher"), c.podsOf(t, ns, "worker")...)
		assert.Assert(t, is.Len(pods, 3))
		for _, pod := range pods {
			isStepOnce(t, pod.Spec)
		}
	})

	t.Run("the launcher alone, by keys that all have", func(t *testing.T) {
		t.Parallel()
		ns := c.namespace(t, nil)
		c.cache(t, ns)
		same := keys{"oras-cache": "oras", "output-uri": "launcher", "container": "launcher"}
		set := jobSet(t, ns,
			role{"launcher", 1, same, []string{"write", "$ORAS_OUTPUT_PATH/file", "led"}},
			role{"worker", 2, same, []string{"identity"}},
		)
		assert.NilError(t, c.Create(t.Context(), set))
		c.completed(t, set)
		assert.DeepEqual(t, c.pull(t, ns, "launcher:latest"), map[string]string{"file": "led"})
		for _, pod := range c.podsOf(t, ns, "launcher") {
			isStepOnce(t, pod.Spec)
		}
		workers := c.podsOf(t, ns, "worker")
		assert.Assert(t, is.Len(workers, 2))
		for _, pod := range workers {
			assert.Assert(t, !inject.Injected(pod.Spec))
			assert.Assert(t, is.Len(pod.Spec.InitContainers, 0))
		}
	})

	t.Run("none, with a mistake in a key", func(t *testing.T) {
		t.Parallel()
		ns := c.namespace(t, nil)
		err := c.Create(t.Context(), jobSet(t, ns,
			role{"launcher", 1, nil, []string{"identity"}},
			role{"worker", 2, keys{"oras-cache": "oras", "output-url": "x"}, []string{"identity"}},
		))
		assert.ErrorContains(t, err, "spec.replicatedJobs[worker].template: output-url: there is no such key; did you mean output-uri?")
		assert.ErrorContains(t, err, "jobsets.oras.converged-computing.github.io")
	})
}

// role is a replicated Job of a JobSet: so many pods, whose container has its name.
type role struct {
	name string
	pods int32
	keys keys
	args []string
}

func jobSet(t *testing.T, ns string, roles ...role) *unstructured.Unstructured {
	t.Helper()
	var replicated []any
	for _, r := range roles {
		spec := job{args: r.args, pods: r.pods}.object(ns).Spec
		spec.Template.Annotations = prefixed(r.keys)
		spec.Template.Spec.Containers[0].Name = r.name
		template, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&batchv1.JobTemplateSpec{Spec: spec})
		assert.NilError(t, err)
		replicated = append(replicated, map[string]any{"name": r.name, "replicas": int64(1), "template": template})
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet",
		"metadata": map[string]any{"name": "set", "namespace": ns},
		"spec":     map[string]any{"replicatedJobs": replicated},
	}}
}

// completed waits until a JobSet is.
func (c *cluster) completed(t *testing.T, set *unstructured.Unstructured) {
	t.Helper()
	await(t, "the JobSet is completed", func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, client.ObjectKeyFromObject(set), set); err != nil {
			return false, err
		}
		state, _, err := unstructured.NestedString(set.Object, "status", "terminalState")
		if state == "Failed" {
			err = errors.New("the JobSet has failed")
		}
		return state == "Completed", err
	})
}

// podsOf are the pods of a role of the JobSet in a namespace.
func (c *cluster) podsOf(t *testing.T, ns, role string) []corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	assert.NilError(t, c.List(t.Context(), &pods, client.InNamespace(ns), client.MatchingLabels{roleLabel: role}))
	return pods.Items
}

// installJobSet installs it for the time of the test, and returns when it serves. What is there already stays as it is.
func (c *cluster) installJobSet(t *testing.T) {
	t.Helper()
	file, err := os.Open(os.Getenv("JOBSET_YAML"))
	assert.NilError(t, err)
	defer file.Close() //nolint:errcheck // only read from
	installed := false
	for decoder := yaml.NewYAMLOrJSONDecoder(file, 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			break
		}
		assert.NilError(t, err)
		err = c.Create(within(t), object)
		if apierrors.IsAlreadyExists(err) {
			continue
		}
		assert.NilError(t, err)
		t.Cleanup(func() { assert.Check(t, c.remove(cleanupContext(), object)) })
		installed = true
	}
	if installed {
		c.showCertificate(t)
	}
	probe := jobSet(t, metav1.NamespaceDefault, role{"probe", 1, nil, []string{"identity"}})
	await(t, "JobSet serves", func(ctx context.Context) (bool, error) {
		return c.Create(ctx, probe.DeepCopy(), client.DryRunAll) == nil, nil
	})
}

// showCertificate waits until JobSet's controller has made its certificate, and has the kubelet put it into the controller's
// pod, which a change of the pod does at once; by itself it takes more than a minute.
func (c *cluster) showCertificate(t *testing.T) {
	t.Helper()
	const ns = "jobset-system"
	await(t, "JobSet has a certificate", func(ctx context.Context) (bool, error) {
		var secret corev1.Secret
		err := c.Get(ctx, client.ObjectKey{Namespace: ns, Name: "jobset-webhook-server-cert"}, &secret)
		return len(secret.Data[corev1.TLSCertKey]) > 0, err
	})
	var pods corev1.PodList
	assert.NilError(t, c.List(t.Context(), &pods, client.InNamespace(ns)))
	for _, pod := range pods.Items {
		changed := pod.DeepCopy()
		metav1.SetMetaDataAnnotation(&changed.ObjectMeta, "oras-test/certificate", "made")
		assert.NilError(t, c.Patch(t.Context(), changed, client.MergeFrom(&pod)))
	}
}

// remove deletes an object, and waits until it is gone.
func (c *cluster) remove(ctx context.Context, object client.Object) error {
	if err := c.Delete(ctx, object); err != nil {
		return client.IgnoreNotFound(err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return harness.Await(ctx, object.GetName()+" is gone", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(object), object)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}
