//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/test/harness"
)

// patience bounds every wait; it is many times what a loaded machine of two cores needs.
const patience = 6 * time.Minute

// await polls until done, and fails the test with what it was waiting for when patience is over.
func await(t *testing.T, what string, done func(ctx context.Context) (bool, error)) {
	t.Helper()
	assert.NilError(t, harness.Await(within(t), what, done))
}

// cacheName is the one OrasCache of each test's namespace.
const cacheName = "oras"

// withCache returns the cluster, and a namespace in it with an ephemeral OrasCache that is ready.
func withCache(t *testing.T, labels map[string]string) (*cluster, string) {
	t.Helper()
	c := connect(t)
	ns := c.namespace(t, labels)
	c.cache(t, ns)
	return c, ns
}

// withClaim returns the cluster, and a namespace in it with an OrasCache as it is unless told otherwise, with a claim.
func withClaim(t *testing.T) (*cluster, string) {
	t.Helper()
	c := connect(t)
	ns := c.namespace(t, nil)
	c.cacheOf(t, ns, v1alpha1.OrasCacheSpec{})
	return c, ns
}

// cache makes an ephemeral one and waits until it is ready: for a claim, the cluster runs two pods more.
func (c *cluster) cache(t *testing.T, namespace string) {
	t.Helper()
	c.cacheOf(t, namespace, v1alpha1.OrasCacheSpec{Storage: v1alpha1.StorageSpec{Ephemeral: true}})
}

// cacheOf makes one as a spec says, and waits until it is ready.
func (c *cluster) cacheOf(t *testing.T, namespace string, spec v1alpha1.OrasCacheSpec) {
	t.Helper()
	cache := &v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Name: cacheName, Namespace: namespace}, Spec: spec}
	assert.NilError(t, c.Create(t.Context(), cache))
	await(t, "the cache is ready", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(cache), cache)
		return meta.IsStatusConditionTrue(cache.Status.Conditions, "Ready"), err
	})
}

// deleteCache deletes an OrasCache and waits until its registry's pod is gone.
func (c *cluster) deleteCache(t *testing.T, namespace string) {
	t.Helper()
	assert.NilError(t, c.Delete(t.Context(), &v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Name: cacheName, Namespace: namespace}}))
	c.gone(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: cacheName + "-0", Namespace: namespace}})
}

func (c *cluster) gone(t *testing.T, obj client.Object) {
	t.Helper()
	await(t, obj.GetName()+" is gone", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(obj), obj)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}

// complete waits until the Job is Complete; one that has failed ends the test.
func (c *cluster) complete(t *testing.T, namespace, name string) {
	t.Helper()
	if how := c.ended(t, namespace, name); how != batchv1.JobComplete {
		end := c.termination(t, namespace, name)
		t.Fatalf("Job %s is %s: exit code %d, %s", name, how, end.ExitCode, end.Message)
	}
}

// failed waits until the Job has failed, and returns how its container ended.
func (c *cluster) failed(t *testing.T, namespace, name string) corev1.ContainerStateTerminated {
	t.Helper()
	if how := c.ended(t, namespace, name); how != batchv1.JobFailed {
		t.Fatalf("Job %s is %s", name, how)
	}
	return c.termination(t, namespace, name)
}

func (c *cluster) ended(t *testing.T, namespace, name string) batchv1.JobConditionType {
	t.Helper()
	var how batchv1.JobConditionType
	await(t, "Job "+name+" has ended", func(ctx context.Context) (bool, error) {
		var job batchv1.Job
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &job)
		for _, cond := range job.Status.Conditions {
			if cond.Status == corev1.ConditionTrue && (cond.Type == batchv1.JobComplete || cond.Type == batchv1.JobFailed) {
				how = cond.Type
			}
		}
		return how != "", err
	})
	return how
}

// termination is how the container app of the Job's pod ended.
func (c *cluster) termination(t *testing.T, namespace, name string) corev1.ContainerStateTerminated {
	t.Helper()
	return terminationOf(t, c.pod(t, namespace, name), "app")
}

// terminationOf is how a container of a pod ended.
func terminationOf(t *testing.T, pod *corev1.Pod, container string) corev1.ContainerStateTerminated {
	t.Helper()
	status := harness.Status(pod, container)
	if status == nil || status.State.Terminated == nil {
		t.Fatalf("container %s of pod %s has not ended", container, pod.Name)
	}
	return *status.State.Terminated
}

// running waits until the containers of the Job's pod run; the command may still be waiting for its inputs.
func (c *cluster) running(t *testing.T, namespace, name string) {
	t.Helper()
	await(t, "the container of Job "+name+" runs", func(ctx context.Context) (bool, error) {
		pod, err := c.podOf(ctx, namespace, name)
		return pod != nil && pod.Status.Phase == corev1.PodRunning, err
	})
}

// waits waits until the sidecar of the Job, which must have the key debug, has looked for an input in vain.
func (c *cluster) waits(t *testing.T, namespace, name string) {
	t.Helper()
	await(t, "the inputs of Job "+name+" are waited for", func(ctx context.Context) (bool, error) {
		pod, err := c.podOf(ctx, namespace, name)
		if pod == nil || pod.Status.Phase != corev1.PodRunning {
			return false, err
		}
		text, err := c.containerLog(ctx, namespace, pod.Name, "oras")
		return strings.Contains(text, "An input is not there yet."), err
	})
}

// pod returns the pod of a Job, once it is there.
func (c *cluster) pod(t *testing.T, namespace, name string) *corev1.Pod {
	t.Helper()
	var pod *corev1.Pod
	await(t, "Job "+name+" has a pod", func(ctx context.Context) (bool, error) {
		var err error
		pod, err = c.podOf(ctx, namespace, name)
		return pod != nil, err
	})
	return pod
}

func (c *cluster) podOf(ctx context.Context, namespace, job string) (*corev1.Pod, error) {
	var pods corev1.PodList
	err := c.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels{batchv1.JobNameLabel: job})
	if err != nil || len(pods.Items) == 0 {
		return nil, err
	}
	return &pods.Items[0], nil
}

// ranSoFar waits until the command of Job step has come to its verb identity.
func (c *cluster) ranSoFar(t *testing.T, namespace string) {
	t.Helper()
	c.containerLogged(t, namespace, "step", "app", "uid=")
}

// containerLogged waits until a container of the Job's pod has written text.
func (c *cluster) containerLogged(t *testing.T, namespace, job, container, text string) {
	t.Helper()
	await(t, "container "+container+" of Job "+job+" has written "+text, func(ctx context.Context) (bool, error) {
		pod, err := c.podOf(ctx, namespace, job)
		if pod == nil {
			return false, err
		}
		written, err := c.containerLog(ctx, namespace, pod.Name, container)
		if apierrors.IsBadRequest(err) || apierrors.IsNotFound(err) {
			return false, nil // it has not started yet, or a kubelet that was just started does not know of it
		}
		return strings.Contains(written, text), err
	})
}

// logs is what the container app of the Job's pod wrote.
func (c *cluster) logs(t *testing.T, namespace, job string) string {
	t.Helper()
	text, err := c.containerLog(t.Context(), namespace, c.pod(t, namespace, job).Name, "app")
	assert.NilError(t, err)
	return text
}

func (c *cluster) containerLog(ctx context.Context, namespace, pod, container string) (string, error) {
	return c.Log(ctx, namespace, pod, corev1.PodLogOptions{Container: container})
}

func cleanupContext() context.Context { return context.Background() }

// describe logs what a failed test leaves.
func (c *cluster) describe(t *testing.T, namespace string) {
	t.Helper()
	t.Log(c.Describe(cleanupContext(), namespace))
}
