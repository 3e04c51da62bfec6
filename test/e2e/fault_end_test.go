//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"regexp"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/test/faults"
	"github.com/converged-computing/oras-operator/test/harness"
)

// The tests of this file are of faults in the last table of test/README.md that are about how a step ends.

// atOnce is ten times what a user is promised of a pod that need not do anything any more.
const atOnce = 20 * time.Second

func TestFaultACommandThatFailsKeepsItsCodeAndPushesWhatItWasToldTo(t *testing.T) { // E33
	t.Parallel()
	c, ns := withCache(t, nil)
	wanted := map[string]bool{"success": false, "failure": true, "always": true}
	for on := range wanted {
		step := maker(on, keys{"oras-cache": cacheName, "output-uri": on, "output-on": on})
		step.args = append(step.args, "exit", "7")
		c.apply(t, ns, step)
	}
	for on, pushed := range wanted {
		assert.Equal(t, c.failed(t, ns, on).ExitCode, int32(7))
		assert.Equal(t, len(c.tags(t, ns, on)) == 1, pushed, "output-on: %s", on)
	}
}

func TestFaultAPodThatIsDeletedWhileItWaitsForItsInputsIsGoneAtOnce(t *testing.T) { // E6
	t.Parallel()
	c, ns := withCache(t, nil)
	c.apply(t, ns, job{
		name:        "step",
		labels:      keys{"oras-cache": "oras", "input-wait": "1h", "debug": "true"},
		annotations: keys{"input-uri": "never:v1", "input-path": "/data"},
		args:        []string{"identity"},
	})
	c.waits(t, ns, "step")
	pod := c.pod(t, ns, "step")
	end := c.seeOff(t, pod, func() { assert.NilError(t, c.Delete(t.Context(), pod)) })
	assert.Equal(t, end.exitCode, int32(143))
	assert.Assert(t, end.took < atOnce, "it took %s", end.took)
	assert.Assert(t, is.Contains(end.logs["app"], "Stopped by signal 15"))
}

func TestFaultASecondSIGTERMEndsTheHold(t *testing.T) { // E41
	t.Parallel()
	c, ns := withCache(t, nil)
	proxy := c.proxy(t, ns)
	proxy.hold(t, faults.Rule{Method: http.MethodPost, Path: uploads, Direction: faults.Request})
	c.apply(t, ns, maker("step", proxy.keys(keys{"output-uri": "held", "shim-flags": "--stall-timeout=10m"})))
	proxy.awaitFired(t, "hold", 1)
	pod := c.pod(t, ns, "step")
	c.terminate(t, pod)
	c.containerLogged(t, ns, "step", "app", "going on until they are")
	c.terminate(t, pod)
	sent := time.Now()
	end := c.failed(t, ns, "step")
	assert.Equal(t, end.ExitCode, int32(143))
	took := end.FinishedAt.Sub(sent) // by one clock: nodes of kind have the test's
	assert.Assert(t, took < atOnce, "it took %s", took)
	assert.Assert(t, is.Contains(c.logs(t, ns, "step"), "Stopped by signal 15 (terminated) while holding for the outputs"))
	assert.Assert(t, is.Nil(c.tags(t, ns, "held")))
}

func TestFaultADeadlineEndsTheStepLikeADeletion(t *testing.T) { // E43
	t.Parallel()
	c, ns := withCache(t, nil)
	object := job{
		name:   "step",
		labels: keys{"oras-cache": "oras", "output-uri": "late"},
		args:   []string{"write", "$ORAS_OUTPUT_PATH/file", "half", "identity", "await-signal", "10"},
	}.object(ns)
	assert.NilError(t, c.Create(t.Context(), object))
	c.ranSoFar(t, ns)
	end := c.seeOff(t, c.pod(t, ns, "step"), func() {
		before := object.DeepCopy()
		object.Spec.ActiveDeadlineSeconds = ptr.To[int64](1)
		assert.NilError(t, c.Patch(t.Context(), object, client.MergeFrom(before)))
	})
	assert.Equal(t, end.exitCode, int32(143))
	assert.Assert(t, end.took < atOnce, "it took %s", end.took)
	assert.Assert(t, is.Contains(end.logs["oras"], `msg="The command has ended." container=app attempt=1 exitCode=143`))
	assert.Equal(t, c.ended(t, ns, "step"), batchv1.JobFailed)
	assert.Assert(t, is.Nil(c.tags(t, ns, "late")))
}

// terminate sends SIGTERM to the shim of a pod, as a kubelet does.
func (c *cluster) terminate(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	assert.NilError(t, c.Signal(within(t), pod, "app", harness.Main, syscall.SIGTERM))
}

// departure is what is known of a pod that is no more.
type departure struct {
	exitCode int32             // of its container app
	logs     map[string]string // of its containers
	took     time.Duration     // its containers at most, each from when it was its turn to end, in whole seconds
}

// seeOff does what makes a pod go, whose containers run, and returns how that went once it is gone. It is app's turn when the
// pod is to go, and the sidecar's when it says so. The pod tells when each has ended: how soon a kubelet stops the next one and
// removes what is left is not their doing.
func (c *cluster) seeOff(t *testing.T, pod *corev1.Pod, goAway func()) departure {
	t.Helper()
	ctx, pods := within(t), c.Kube.CoreV1().Pods(pod.Namespace)
	changes, err := pods.Watch(ctx, metav1.SingleObject(pod.ObjectMeta))
	assert.NilError(t, err)
	defer changes.Stop()
	streams := map[string]io.ReadCloser{}
	for _, container := range []string{"app", "oras"} {
		stream, err := pods.GetLogs(pod.Name, &corev1.PodLogOptions{Container: container, Follow: true}).Stream(ctx)
		assert.NilError(t, err)
		defer stream.Close() //nolint:errcheck // only read from
		streams[container] = stream
	}
	goAway()
	end := departure{logs: map[string]string{}}
	for container, stream := range streams {
		text, err := io.ReadAll(stream)
		assert.NilError(t, err)
		end.logs[container] = string(text)
	}
	told, last := lastDays(t, changes)
	app, sidecar := terminationOf(t, last, "app"), terminationOf(t, last, "oras")
	assert.Equal(t, sidecar.ExitCode, int32(0)) // it has not used up the grace period before it said so
	end.exitCode = app.ExitCode
	end.took = max(app.FinishedAt.Sub(told), sidecar.FinishedAt.Sub(saidAt(t, end.logs["oras"], "The pod is ending, stopping.")))
	return end
}

// saidAt is when a program of ours has logged a message.
func saidAt(t *testing.T, log, message string) time.Time {
	t.Helper()
	line := regexp.MustCompile(`(?m)^time=(\S+) level=INFO msg="` + regexp.QuoteMeta(message)).FindStringSubmatch(log)
	assert.Assert(t, is.Len(line, 2), log)
	at, err := time.Parse(time.RFC3339, line[1])
	assert.NilError(t, err)
	return at
}

// lastDays waits until a pod is gone, and returns when it was told to go and what it was last.
func lastDays(t *testing.T, changes watch.Interface) (told time.Time, last *corev1.Pod) {
	t.Helper()
	for change := range changes.ResultChan() {
		pod, ok := change.Object.(*corev1.Pod)
		assert.Assert(t, ok, "%v", change.Object)
		if told.IsZero() && pod.DeletionTimestamp != nil { // which is when its grace period is over
			told = pod.DeletionTimestamp.Add(-time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second)
		}
		if change.Type == watch.Deleted {
			return told, pod
		}
	}
	t.Fatal("the pod is not gone, or nobody says so")
	return told, nil
}
