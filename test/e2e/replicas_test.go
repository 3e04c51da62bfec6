//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/test/harness"
	"github.com/converged-computing/oras-operator/test/sample"
)

// replicas is how many a registry over S3 has here; one of them may be lost.
const replicas = 3

// Fifty steps take an artifact and make one each, all at the same time. Meanwhile the replica that collects garbage is lost, and
// then the process of another; then all are restarted, one after the other. The garbage consists of the very blobs that some of
// the steps push, and its grace period is short. Not parallel, as all that starts many pods at once.
func TestFaultReplicasThatAreLostOrRestartedFailNoneOfFiftySteps(t *testing.T) { // E82
	c := connect(t)
	ns := c.namespace(t, nil)
	c.replicated(t, ns)
	turns := c.turns(t, ns)
	const steps, garbage = 50, 3
	host, in := c.forward(t, ns), tree(1000)
	pushTree(t, host, "in:v1", in)
	for i := range garbage { // all at about the same time, so that it goes in one round
		pushTree(t, host, fmt.Sprintf("old/%d:v1", i), tree(uint64(i)))
	}

	began := time.Now()
	c.apply(t, ns, sweep(steps, in))
	c.allServe(t, ns, "method=GET path=/v2/in/blobs/")
	lost := turns.last(t)
	c.loseReplicas(t, ns, lost.pod())
	before := c.succeeded(t, ns, "sweep")
	assert.NilError(t, kubectl(within(t), "rollout", "restart", "--namespace", ns, "statefulset/"+cacheName))
	c.allReplicas(t, ns)
	after := c.succeeded(t, ns, "sweep")
	assert.Assert(t, before < steps, "the steps were over before the replicas were restarted")
	c.complete(t, ns, "sweep")
	took := time.Since(began).Round(time.Second)
	c.noneRestarted(t, ns, "sweep", steps)

	host = c.forward(t, ns)
	for i := range garbage {
		await(t, fmt.Sprintf("piece %d of the garbage is gone", i), func(context.Context) (bool, error) {
			return len(tagsAt(t, host, fmt.Sprintf("old/%d", i))) == 0, nil
		})
	}
	collected := time.Since(began).Round(time.Second)
	c.apply(t, ns, gather(steps))
	c.complete(t, ns, "gather")
	assert.Assert(t, turns.last(t).identity != lost.identity)
	turns.areOneAfterTheOther(t)
	t.Logf("%d steps in %s, none failed: %d had succeeded when the replicas began to be restarted, %d when they had been; all garbage was gone after %s, in %d turns",
		steps, took, before, after, collected, len(turns.all()))
}

// sweep is a Job of many steps that take a tree and make one each, step N when it has had its input for N seconds.
func sweep(steps int32, in sample.Tree) job {
	j := treeTaker("sweep", "in:v1", in)
	maps.Copy(j.annotations, keys{"output-uri": "out/{index}:v1", "sidecar-cpu": "10m"})
	j.pods = steps
	j.args = append(j.args, "sleep", "$(JOB_COMPLETION_INDEX)s",
		"make-tree", "$ORAS_OUTPUT_PATH", fmt.Sprintf("$(JOB_COMPLETION_INDEX)/1/%d", treeBytes))
	return j
}

// gather is a step that fails unless all that the steps of a sweep have made is there, to the last byte.
func gather(steps int) job {
	j := job{
		name: "gather", labels: keys{"oras-cache": "oras", "input-count": strconv.Itoa(steps)},
		annotations: keys{"input-uri": "out/*:v1", "input-path": "/in"},
	}
	for i := range steps {
		j.args = append(j.args, "check-tree", fmt.Sprintf("/in/out/%d/v1", i), tree(uint64(i)).String())
	}
	return j
}

// allServe waits until each replica has logged a text.
func (c *cluster) allServe(t *testing.T, namespace, text string) {
	t.Helper()
	for i := range replicas {
		await(t, fmt.Sprintf("replica %d has served a step", i), func(ctx context.Context) (bool, error) {
			log, err := c.containerLog(ctx, namespace, replica(namespace, i).Name, "registry")
			return strings.Contains(log, text), err
		})
	}
}

// loseReplicas has one replica gone at once, as with its node, and then the process of another. It returns when all are back.
func (c *cluster) loseReplicas(t *testing.T, namespace, first string) {
	t.Helper()
	pod := &corev1.Pod{}
	assert.NilError(t, c.Get(within(t), client.ObjectKey{Namespace: namespace, Name: first}, pod))
	gone := pod.UID
	assert.NilError(t, c.Delete(within(t), pod, client.GracePeriodSeconds(0)))
	await(t, first+" is replaced", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return err == nil && pod.UID != gone && isReady(pod), client.IgnoreNotFound(err)
	})
	other := replica(namespace, 0)
	if other.Name == first {
		other = replica(namespace, 1)
	}
	c.kill(t, other, "registry", harness.Main)
	c.startedAgain(t, other, "registry")
	c.allReplicas(t, namespace)
}

// noneRestarted checks that a Job had so many pods and no more, and that no container of them was started again.
func (c *cluster) noneRestarted(t *testing.T, namespace, job string, pods int) {
	t.Helper()
	var list corev1.PodList
	assert.NilError(t, c.List(within(t), &list, client.InNamespace(namespace), client.MatchingLabels{batchv1.JobNameLabel: job}))
	assert.Equal(t, len(list.Items), pods)
	for _, pod := range list.Items {
		assert.Equal(t, restarts(&pod, "oras")+restarts(&pod, "app"), int32(0), pod.Name)
	}
}

// replicated makes a cache with replicas over a MinIO of its own. What is in repositories below old goes at once.
func (c *cluster) replicated(t *testing.T, namespace string) {
	t.Helper()
	s3 := c.minio(t, namespace)
	second := &metav1.Duration{Duration: time.Second}
	c.cacheOf(t, namespace, v1alpha1.OrasCacheSpec{
		Replicas:  ptr.To[int32](replicas),
		Storage:   v1alpha1.StorageSpec{S3: s3},
		GC:        v1alpha1.GCSpec{Schedule: new("@every 10s"), GracePeriod: &metav1.Duration{Duration: 10 * time.Second}},
		Retention: []v1alpha1.RetentionRule{{Repositories: "old/*", TTL: second, Untagged: second}},
	})
	c.allReplicas(t, namespace)
}

// replica is the pod of one.
func replica(namespace string, i int) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("%s-%d", cacheName, i)}}
}

// allReplicas waits until all are ready, as the StatefulSet wants them now.
func (c *cluster) allReplicas(t *testing.T, namespace string) {
	t.Helper()
	await(t, "all replicas are ready", func(ctx context.Context) (bool, error) {
		var set appsv1.StatefulSet
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: cacheName}, &set)
		s := set.Status
		return s.ObservedGeneration >= set.Generation && s.ReadyReplicas == replicas && s.UpdatedReplicas == replicas &&
			s.CurrentRevision == s.UpdateRevision, err
	})
}

// succeeded is how many pods of a Job have.
func (c *cluster) succeeded(t *testing.T, namespace, name string) int32 {
	t.Helper()
	var job batchv1.Job
	assert.NilError(t, c.Get(within(t), client.ObjectKey{Namespace: namespace, Name: name}, &job))
	return job.Status.Succeeded
}
