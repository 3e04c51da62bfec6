//go:build e2e

package e2e

import (
	"io"
	"net/http"
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
	end := c.seeOff(t, pod, "app", func() { assert.NilError(t, c.Delete(t.Context(), pod)) })
	assert.Equal(t, end.exitCode, int32(143))
	assert.Assert(t, end.took < atOnce, "it took %s", end.took)
	assert.Assert(t, is.Contains(end.log, "Stopped by signal 15"))
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
	end := c.seeOff(t, c.pod(t, ns, "step"), "oras", func() {
		before := object.DeepCopy()
		object.Spec.ActiveDeadlineSeconds = ptr.To[int64](1)
		assert.NilError(t, c.Patch(t.Context(), object, client.MergeFrom(before)))
	})
	assert.Equal(t, end.exitCode, int32(143))
	assert.Assert(t, end.took < atOnce, "it took %s", end.took)
	assert.Assert(t, is.Contains(end.log, `msg="The command has ended." container=app attempt=1 exitCode=143`))
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
	exitCode int32         // of its container app
	log      string        // of one of its containers
	took     time.Duration // until the pod was gone
}

// seeOff does what makes a pod go, and returns how that went once it is gone. The container whose log is kept must run before.
func (c *cluster) seeOff(t *testing.T, pod *corev1.Pod, container string, goAway func()) departure {
	t.Helper()
	ctx, pods := within(t), c.Kube.CoreV1().Pods(pod.Namespace)
	changes, err := pods.Watch(ctx, metav1.SingleObject(pod.ObjectMeta))
	assert.NilError(t, err)
	defer changes.Stop()
	log, err := pods.GetLogs(pod.Name, &corev1.PodLogOptions{Container: container, Follow: true}).Stream(ctx)
	assert.NilError(t, err)
	defer log.Close() //nolint:errcheck // only read from
	start := time.Now()
	goAway()
	text, err := io.ReadAll(log)
	assert.NilError(t, err)
	end := departure{log: string(text), exitCode: lastExitCode(t, changes)}
	end.took = time.Since(start)
	return end
}

// lastExitCode waits until a pod is gone and returns the exit code of its container app.
func lastExitCode(t *testing.T, changes watch.Interface) int32 {
	t.Helper()
	code := int32(-1)
	for change := range changes.ResultChan() {
		if change.Type == watch.Deleted {
			return code
		}
		pod, ok := change.Object.(*corev1.Pod)
		assert.Assert(t, ok, "%v", change.Object)
		if app := harness.Status(pod, "app"); app != nil && app.State.Terminated != nil {
			code = app.State.Terminated.ExitCode
		}
	}
	t.Fatal("the pod is not gone, or nobody says so")
	return code
}
