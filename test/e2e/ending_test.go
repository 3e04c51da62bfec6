//go:build e2e

package e2e

import (
	"context"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A probe that fails while the container is held gets it killed: the push may go on for the grace period, and no longer.
func TestE39ALivenessProbeThatFailsEndsTheHoldWithinTheGrace(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	object := job{
		name:   "step",
		labels: keys{"oras-cache": "oras", "output-uri": "held", "push-timeout": "20s"},
		args: []string{
			"write", "$ORAS_OUTPUT_PATH/file", "x", "write", "alive", "", "identity",
			"await-refused", "oras:5000", "remove", "alive",
		},
	}.object(ns)
	app := &object.Spec.Template.Spec.Containers[0]
	alive := corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/app", "cat", "alive"}}}
	app.StartupProbe = &corev1.Probe{ProbeHandler: alive, PeriodSeconds: 1, FailureThreshold: 180, TimeoutSeconds: 30} // until the command runs
	app.LivenessProbe = &corev1.Probe{ProbeHandler: alive, PeriodSeconds: 1, FailureThreshold: 2, TimeoutSeconds: 30}
	assert.NilError(t, c.Create(t.Context(), object))
	c.ranSoFar(t, ns)
	c.deleteCache(t, ns)
	start := time.Now()
	end := c.failed(t, ns, "step")
	assert.Assert(t, end.ExitCode == 201 || end.ExitCode == 137, "%d: %s", end.ExitCode, end.Message)
	took := end.FinishedAt.Sub(start) // by one clock: nodes of kind have the test's
	assert.Assert(t, took < 90*time.Second, "it took %s", took)
}

func TestE42FifteenSecondsOfGraceAreEnoughForASmallOutput(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	c.apply(t, ns, job{
		name:   "step",
		labels: keys{"oras-cache": "oras", "output-uri": "spot", "output-on": "always"},
		args:   []string{"identity", "await-signal", "15", "write", "$ORAS_OUTPUT_PATH/file", "saved", "exit", "3"},
	})
	c.ranSoFar(t, ns)
	pod := c.pod(t, ns, "step")
	assert.NilError(t, c.Delete(t.Context(), pod, client.GracePeriodSeconds(15)))
	c.gone(t, pod)
	assert.DeepEqual(t, c.pull(t, ns, "spot:latest"), map[string]string{"file": "saved"})
}

func TestE44EachOfSeveralContainersHasItsOutputs(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	object := job{
		name:        "step",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"container": "app,second", "output-uri": "of-{container}:v1", "output-path": "out"},
		args:        []string{"write", "out/file", "first"},
	}.object(ns)
	second := *object.Spec.Template.Spec.Containers[0].DeepCopy()
	second.Name, second.Args = "second", []string{"write", "out/file", "second"}
	object.Spec.Template.Spec.Containers = append(object.Spec.Template.Spec.Containers, second)
	assert.NilError(t, c.Create(t.Context(), object))
	c.complete(t, ns, "step")
	assert.DeepEqual(t, c.pull(t, ns, "of-app:v1"), map[string]string{"file": "first"})
	assert.DeepEqual(t, c.pull(t, ns, "of-second:v1"), map[string]string{"file": "second"})
}

// Neither a container beside the wrapped one nor one that somebody attaches for debugging is the hand-off's business.
func TestE45NeighboursAndEphemeralContainersAreLeftAlone(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	object := job{
		name:        "step",
		labels:      keys{"oras-cache": "oras", "container": "app", "output-uri": "mine"},
		annotations: keys{"output-path": "out"},
		args:        []string{"write", "out/file", "x", "identity", "await-file", "go"},
	}.object(ns)
	neighbour := *object.Spec.Template.Spec.Containers[0].DeepCopy()
	neighbour.Name, neighbour.Args = "neighbour", []string{"identity"}
	object.Spec.Template.Spec.Containers = append(object.Spec.Template.Spec.Containers, neighbour)
	assert.NilError(t, c.Create(t.Context(), object))
	c.ranSoFar(t, ns)
	pod := c.pod(t, ns, "step")
	assert.DeepEqual(t, pod.Spec.Containers[1].Command, []string{"/app"})

	debug := []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Name: "debug", Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{"/app", "identity"},
	}}}
	assert.NilError(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error { // the kubelet writes the pod's status meanwhile
		pod := c.pod(t, ns, "step")
		pod.Spec.EphemeralContainers = debug
		_, err := c.Kube.CoreV1().Pods(ns).UpdateEphemeralContainers(t.Context(), pod.Name, pod, metav1.UpdateOptions{})
		return err
	}))
	await(t, "the ephemeral container has ended", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		statuses := pod.Status.EphemeralContainerStatuses
		return len(statuses) == 1 && statuses[0].State.Terminated != nil, err
	})
	c.exec(t, pod, "/app", "write", "go", "")
	c.complete(t, ns, "step")
	assert.Assert(t, is.Len(c.pull(t, ns, "mine:latest"), 1))
}

func TestStepsThatCannotBeWrappedAreGatedAndPushedInTheGracePeriod(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	c.push(t, ns, "in:v1", map[string]string{"file": "here"})
	object := job{
		name:        "step",
		labels:      keys{"oras-cache": "oras", "wrap": "never"},
		annotations: keys{"input-uri": "in:v1", "input-path": "/data", "output-uri": "out:v1"},
		args:        []string{"cat", "/data/file", "copy", "/data/file", "/oras/out/file"},
	}.object(ns)
	object.Spec.Template.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: ptr.To[int64](1234)} // so the sidecar may read
	assert.NilError(t, c.Create(t.Context(), object))
	c.complete(t, ns, "step")
	assert.Equal(t, c.logs(t, ns, "step"), "here")
	await(t, "the output is there", func(context.Context) (bool, error) { return len(c.tags(t, ns, "out")) == 1, nil })
	assert.DeepEqual(t, c.pull(t, ns, "out:v1"), map[string]string{"file": "here"})
}
