//go:build e2e

package e2e

import (
	"context"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/inject"
)

func TestE60TheJobsOfACronJobAreSteps(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	like := job{
		labels: keys{"oras-cache": "oras", "output-uri": "hourly"}, args: []string{"write", "$ORAS_OUTPUT_PATH/file", "in time"},
	}.object(ns)
	assert.NilError(t, c.Create(t.Context(), &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Name: "cron", Namespace: ns},
		Spec: batchv1.CronJobSpec{
			Schedule: "* * * * *", ConcurrencyPolicy: batchv1.ForbidConcurrent,
			JobTemplate: batchv1.JobTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: like.Labels}, Spec: like.Spec},
		},
	}))
	await(t, "a Job of the CronJob has pushed", func(context.Context) (bool, error) {
		return len(c.tags(t, ns, "hourly")) > 0, nil
	})
	assert.DeepEqual(t, c.pull(t, ns, "hourly:latest"), map[string]string{"file": "in time"})
}

// Kueue holds a Job back, counts what its pods ask for, and lets it go on nodes of its choice.
func TestE60AJobThatIsHeldByAQueueIsAStepWhenItIsLetGo(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	queued := job{
		name: "queued", labels: keys{"oras-cache": "oras", "output-uri": "queued"}, args: []string{"write", "$ORAS_OUTPUT_PATH/file", "at last"},
	}.object(ns)
	queued.Labels["kueue.x-k8s.io/queue-name"] = "queue"
	queued.Spec.Suspend = new(true)
	assert.NilError(t, c.Create(t.Context(), queued))
	isStepOnce(t, queued.Spec.Template.Spec)
	held := queued.DeepCopy()
	queued.Spec.Suspend = new(false)
	queued.Spec.Template.Spec.NodeSelector = map[string]string{corev1.LabelOSStable: "linux"}
	assert.NilError(t, c.Patch(t.Context(), queued, client.MergeFrom(held)))
	c.complete(t, ns, "queued")
	pod := c.pod(t, ns, "queued")
	isStepOnce(t, pod.Spec)
	assert.Equal(t, pod.Spec.NodeSelector[corev1.LabelOSStable], "linux")
	assert.DeepEqual(t, pod.Spec.InitContainers[1].Resources, held.Spec.Template.Spec.InitContainers[1].Resources)
	assert.DeepEqual(t, c.pull(t, ns, "queued:latest"), map[string]string{"file": "at last"})
}

// isStepOnce checks that everything that makes a pod a step is there, and nothing twice.
func isStepOnce(t *testing.T, pod corev1.PodSpec) {
	t.Helper()
	assert.Equal(t, inject.Damage(pod), "")
	assert.Assert(t, is.Len(pod.InitContainers, 2))
	words := slices.Concat(pod.Containers[0].Command, pod.Containers[0].Args)
	assert.Assert(t, !slices.Contains(words[1:], words[0]), "%q", words)
}
