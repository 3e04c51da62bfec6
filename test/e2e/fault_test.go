//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/test/harness"
)

// The tests of this file are of faults in the last table of test/README.md that need a cluster to be seen.

func TestFaultARegistryThatCannotBeReachedIsTriedUntilThePullTimeout(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	c.apply(t, ns, job{
		name:        "step",
		labels:      keys{"pull-timeout": "3s"},
		annotations: keys{"registry": "nowhere." + ns + ".svc:5000", "input-uri": "a:v1", "input-path": "/data"},
		args:        []string{"identity"},
	})
	end := c.failed(t, ns, "step")
	assert.Equal(t, end.ExitCode, int32(200))
	assert.Assert(t, is.Contains(end.Message, "gave up after"))
	assert.Assert(t, !strings.Contains(c.logs(t, ns, "step"), "uid="))
}

func TestFaultACommandThatIsNotThereIs127AndOneThatIsNoProgramIs126(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	for name, tc := range map[string]struct {
		command string
		code    int32
		want    string
	}{
		"not-found":      {"/no/such/command", 127, "was not found"},
		"not-executable": {"/etc/hosts", 126, "permission denied"},
	} {
		object := job{name: name, labels: keys{"oras-cache": "oras", "output-uri": name}}.object(ns)
		object.Spec.Template.Spec.Containers[0].Command = []string{tc.command}
		assert.NilError(t, c.Create(t.Context(), object))
		end := c.failed(t, ns, name)
		assert.Equal(t, end.ExitCode, tc.code)
		assert.Assert(t, is.Contains(end.Message, tc.want))
	}
}

func TestFaultASidecarThatIsKilledWhileItsInputsAreWaitedForIsFollowedByOneThatGoesOn(t *testing.T) { // E5
	t.Parallel()
	c, ns := withCache(t, nil)
	c.apply(t, ns, job{
		name:        "step",
		labels:      keys{"oras-cache": "oras", "input-wait": "5m", "debug": "true"},
		annotations: keys{"input-uri": "late:v1", "input-path": "/data"},
		args:        []string{"cat", "/data/file"},
	})
	c.waits(t, ns, "step")
	c.kill(t, c.pod(t, ns, "step"), "oras", harness.Main)
	c.push(t, ns, "late:v1", map[string]string{"file": "late"})
	c.complete(t, ns, "step")
	assert.Assert(t, is.Contains(c.logs(t, ns, "step"), "late"))
	assert.Assert(t, restarts(c.pod(t, ns, "step"), "oras") >= 1)
}

func TestFaultASidecarThatNeverComesBackIs203(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	c.apply(t, ns, job{
		name:        "step",
		labels:      keys{"oras-cache": "oras", "output-uri": "step"},
		annotations: keys{"output-path": "out", "shim-flags": "--sidecar-timeout=3s"},
		args:        []string{"write", "out/file", "x", "identity", "await-file", "go"},
	})
	c.ranSoFar(t, ns)
	pod := c.pod(t, ns, "step")
	c.kill(t, pod, "oras", harness.Main)
	c.startedAgain(t, pod, "oras")
	c.kill(t, pod, "oras", harness.Main) // which the kubelet answers by waiting for ten seconds
	c.exec(t, pod, "/app", "write", "go", "")
	end := c.failed(t, ns, "step")
	assert.Equal(t, end.ExitCode, int32(203))
	assert.Assert(t, is.Contains(end.Message, "The sidecar has not answered for"))
}

func TestFaultAKilledShimLeavesWhatItsVolumesHold(t *testing.T) { // E34
	t.Parallel()
	c, ns := withCache(t, nil)
	object := job{
		name:        "step",
		labels:      keys{"oras-cache": "oras", "output-uri": "left", "output-on": "always"},
		annotations: keys{"output-path": "/scratch/out"},
		scratch:     "/scratch",
		args:        []string{"write", "/scratch/out/file", "half", "identity", "await-signal", "10"},
	}.object(ns)
	// What only the user of the image may read is out of reach, unless the pod says who that is.
	object.Spec.Template.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: ptr.To[int64](1234)}
	assert.NilError(t, c.Create(t.Context(), object))
	pod := c.pod(t, ns, "step")
	c.ranSoFar(t, ns)
	c.kill(t, pod, "app", harness.Main)
	end := c.failed(t, ns, "step")
	assert.Equal(t, end.ExitCode, int32(137))
	assert.DeepEqual(t, c.pull(t, ns, "left:latest"), map[string]string{"file": "half"})
}

func TestFaultAKilledCommandIsAFailedStep(t *testing.T) { // E35
	t.Parallel()
	c, ns := withCache(t, nil)
	c.apply(t, ns, job{
		name:   "step",
		labels: keys{"oras-cache": "oras", "output-uri": "killed"},
		args:   []string{"write", "$ORAS_OUTPUT_PATH/file", "half", "identity", "await-signal", "10"},
	})
	c.ranSoFar(t, ns)
	c.kill(t, c.pod(t, ns, "step"), "app", harness.Command)
	assert.Equal(t, c.failed(t, ns, "step").ExitCode, int32(137))
	assert.Assert(t, is.Nil(c.tags(t, ns, "killed")))
}

func TestFaultAPodThatIsDeletedMidRunPushesWhatItWasToldTo(t *testing.T) { // E42
	t.Parallel()
	c, ns := withCache(t, nil)
	c.apply(t, ns, job{
		name:   "step",
		labels: keys{"oras-cache": "oras", "output-uri": "checkpoint", "output-on": "always"},
		args:   []string{"identity", "await-signal", "15", "write", "$ORAS_OUTPUT_PATH/file", "saved", "exit", "3"},
	})
	c.ranSoFar(t, ns)
	pod := c.pod(t, ns, "step")
	end := c.seeOff(t, pod, func() { assert.NilError(t, c.Delete(t.Context(), pod)) })
	assert.Equal(t, end.exitCode, int32(3))
	assert.Assert(t, end.took < 60*time.Second, "it took %s", end.took)
	assert.DeepEqual(t, c.pull(t, ns, "checkpoint:latest"), map[string]string{"file": "saved"})
}

func TestFaultWhatTheCommandLeavesBehindDoesNotWriteAnyMore(t *testing.T) { // E26
	t.Parallel()
	c, ns := withCache(t, nil)
	c.apply(t, ns, job{
		name:        "step",
		labels:      keys{"oras-cache": "oras", "output-uri": "settled"},
		annotations: keys{"shim-flags": "--leftover-grace=100ms"},
		args:        []string{"leave-a-writer", "$ORAS_OUTPUT_PATH/lines"},
	})
	c.complete(t, ns, "step")
	assert.Assert(t, is.Contains(c.pull(t, ns, "settled:latest")["lines"], "ran\n"))
}

func TestFaultAPushThatFailedIsTriedAgainWithoutRunningTheCommandAgain(t *testing.T) { // E46
	t.Parallel()
	c, ns := withCache(t, nil)
	c.apply(t, ns, job{
		name:      "step",
		labels:    keys{"oras-cache": "oras", "output-uri": "again", "push-timeout": "10s"},
		onFailure: true,
		args:      []string{"note", "$ORAS_OUTPUT_PATH/runs", "await-refused", "oras:5000"},
	})
	c.running(t, ns, "step")
	c.deleteCache(t, ns)
	await(t, "a push has failed", func(ctx context.Context) (bool, error) {
		pod, err := c.podOf(ctx, ns, "step")
		return pod != nil && restarts(pod, "app") >= 1, err
	})
	c.cache(t, ns)
	c.complete(t, ns, "step")
	assert.DeepEqual(t, c.pull(t, ns, "again:latest"), map[string]string{"runs": "ran\n"})
}

func TestFaultADeploymentPushesAfterEachAttempt(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	like := job{args: []string{"write", "$ORAS_OUTPUT_PATH/file", "again and again"}}.object(ns).Spec.Template
	like.Labels = map[string]string{"app": "loop"}
	like.Annotations = prefixed(keys{"oras-cache": "oras", "output-uri": "loop:v{attempt}", "output-on": "always"})
	like.Spec.RestartPolicy = corev1.RestartPolicyAlways
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "loop", Namespace: ns},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](1), Selector: &metav1.LabelSelector{MatchLabels: like.Labels}, Template: like,
		},
	}
	assert.NilError(t, c.Create(t.Context(), deployment))
	await(t, "two attempts are pushed", func(context.Context) (bool, error) {
		return len(c.tags(t, ns, "loop")) >= 2, nil
	})
}

func TestE37APodWhoseImageIsNotThereCanBeDeleted(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	object := job{name: "step", labels: keys{"oras-cache": "oras", "output-uri": "never"}}.object(ns)
	object.Spec.Template.Spec.Containers[0].Image = "oras-test/no-such-image:e2e"
	object.Spec.Template.Spec.Containers[0].ImagePullPolicy = corev1.PullNever
	object.Spec.Template.Spec.TerminationGracePeriodSeconds = ptr.To[int64](3600) // so that a pod which uses it up is not gone in time
	assert.NilError(t, c.Create(t.Context(), object))
	pod := c.pod(t, ns, "step")
	_, err := c.ContainerID(within(t), pod, "oras")
	assert.NilError(t, err)
	await(t, "the image is missed", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		for _, s := range pod.Status.ContainerStatuses {
			if s.State.Waiting != nil && s.State.Waiting.Reason == "ErrImageNeverPull" {
				return true, err
			}
		}
		return false, err
	})
	assert.NilError(t, c.Delete(t.Context(), pod))
	c.gone(t, pod)
}

// Not parallel: fifty pods that start at once keep two processors so busy that whatever runs beside them waits for minutes, and a
// webhook may not be heard within the API server's five seconds.
func TestE47FiftyIndexedStepsAtOnce(t *testing.T) {
	c, ns := withCache(t, nil)
	c.apply(t, ns, job{
		name:        "sweep",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"output-uri": "sweep/point-{index}:latest", "sidecar-cpu": "10m"}, // so that there is room for all at once
		pods:        50,
		args:        []string{"write", "$ORAS_OUTPUT_PATH/result", "$JOB_COMPLETION_INDEX"},
	})
	for some := int32(10); some <= 50; some += 10 { // no wait is for all of them
		await(t, fmt.Sprintf("%d steps have succeeded", some), func(ctx context.Context) (bool, error) {
			var sweep batchv1.Job
			err := c.Get(ctx, client.ObjectKey{Namespace: ns, Name: "sweep"}, &sweep)
			return sweep.Status.Succeeded >= some, err
		})
	}
	c.complete(t, ns, "sweep")
	c.apply(t, ns, job{
		name:        "gather",
		labels:      keys{"oras-cache": "oras", "input-count": "50"},
		annotations: keys{"input-uri": "sweep/point-*:latest", "input-path": "/data"},
		args:        []string{"cat", "/data/sweep/point-0/latest/result", "cat", "/data/sweep/point-49/latest/result"},
	})
	c.complete(t, ns, "gather")
}

// restarts counts how often a container of the pod was started again.
func restarts(pod *corev1.Pod, container string) int32 {
	if status := harness.Status(pod, container); status != nil {
		return status.RestartCount
	}
	return 0
}
