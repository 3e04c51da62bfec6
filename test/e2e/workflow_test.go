//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestAStepTakesWhatAStepBeforeItMade(t *testing.T) {
	t.Parallel()
	c, ns := withClaim(t)

	c.apply(t, ns, job{
		name:   "simulate",
		labels: keys{"oras-cache": "oras", "output-uri": "simulate"},
		args:   []string{"write", "$ORAS_OUTPUT_PATH/runs/1/result.txt", "42", "mode", "$ORAS_OUTPUT_PATH/runs/1", "0500"},
	})
	c.complete(t, ns, "simulate")
	c.apply(t, ns, job{
		name:        "analyze",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"input-uri": "simulate:latest", "input-path": "/data", "output-uri": "analyze:v1", "output-path": "/data"},
		args:        []string{"cat", "/data/runs/1/result.txt", "write", "/data/summary.txt", "the answer", "env", "ORAS_ARTIFACT_0"},
	})
	c.complete(t, ns, "analyze")

	assert.Assert(t, is.Regexp(`^42oras\.[a-z0-9-]+\.svc:5000/simulate:latest@sha256:[0-9a-f]{64}\n$`, c.logs(t, ns, "analyze")))
	files := c.pull(t, ns, "analyze:v1")
	assert.DeepEqual(t, files, map[string]string{"runs/1/result.txt": "42", "summary.txt": "the answer"})
}

func TestFaultAnInputThatIsMissingIs200AtOnceAndTheCommandNeverStarts(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)

	c.apply(t, ns, job{
		name:        "analyze",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"input-uri": "simulate:latest", "input-path": "/data"},
		args:        []string{"identity"},
	})

	end := c.failed(t, ns, "analyze")
	assert.Equal(t, end.ExitCode, int32(200))
	assert.Assert(t, is.Contains(end.Message, "input simulate:latest is not in registry oras."+ns+".svc:5000"))
	assert.Assert(t, !strings.Contains(c.logs(t, ns, "analyze"), "uid="))
}

func TestFaultAnInputThatIsMissingIsWaitedForWhenAskedTo(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)

	c.apply(t, ns, job{
		name:        "analyze",
		labels:      keys{"oras-cache": "oras", "input-wait": "5m", "debug": "true"},
		annotations: keys{"input-uri": "simulate:latest", "input-path": "/data"},
		args:        []string{"cat", "/data/result.txt"},
	})
	c.waits(t, ns, "analyze")
	c.apply(t, ns, job{
		name:   "simulate",
		labels: keys{"oras-cache": "oras", "output-uri": "simulate"},
		args:   []string{"write", "$ORAS_OUTPUT_PATH/result.txt", "42 comes late"},
	})

	c.complete(t, ns, "simulate")
	c.complete(t, ns, "analyze")
	assert.Assert(t, is.Contains(c.logs(t, ns, "analyze"), "42 comes late"))
}

func TestFaultARegistryThatIsGoneAtPushTimeIs201(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)

	c.apply(t, ns, job{
		name:   "orphan",
		labels: keys{"oras-cache": "oras", "output-uri": "orphan", "push-timeout": "10s"},
		args:   []string{"write", "$ORAS_OUTPUT_PATH/result.txt", "42", "await-refused", "oras:5000"},
	})
	c.running(t, ns, "orphan")
	c.deleteCache(t, ns)

	end := c.failed(t, ns, "orphan")
	assert.Equal(t, end.ExitCode, int32(201))
	assert.Assert(t, is.Contains(end.Message, "orphan:latest"))
	assert.Assert(t, is.Contains(end.Message, "gave up after"))
}

func TestOutputsThatAreNotThereFailTheStep(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)

	c.apply(t, ns, job{
		name:        "forgetful",
		labels:      keys{"oras-cache": "oras", "output-uri": "forgetful"},
		annotations: keys{"output-path": "/nothing"},
		args:        []string{"identity"},
	})

	end := c.failed(t, ns, "forgetful")
	assert.Equal(t, end.ExitCode, int32(202))
	assert.Assert(t, is.Contains(end.Message, "path /nothing of container app does not exist"))
}

func TestAnImageWithNothingButABinaryIsAStepUnderTheRestrictedProfile(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})

	c.apply(t, ns, job{
		name:       "first",
		labels:     keys{"oras-cache": "oras", "output-uri": "first"},
		restricted: true,
		args:       []string{"must-be-read-only", "/work", "identity", "write", "$ORAS_OUTPUT_PATH/private.txt", "0600"},
	})
	c.complete(t, ns, "first")
	c.apply(t, ns, job{
		name:        "second",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"input-uri": "first", "input-path": "/data/in"},
		restricted:  true,
		args:        []string{"cat", "/data/in/private.txt", "write", "/data/in/more.txt", "x"},
	})
	c.complete(t, ns, "second")

	assert.Equal(t, c.logs(t, ns, "first"), "uid=1234\n")
	assert.Equal(t, c.logs(t, ns, "second"), "0600")
}

// The output is in the image's own file system, in a directory and files that only the image's user may read; the input
// goes into the working directory, beside what the image has there.
func TestFilesAreTakenFromAndPutIntoTheImagesOwnFileSystem(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)

	c.apply(t, ns, job{
		name:        "first",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"output-uri": "first:v1", "output-path": "results"},
		args:        []string{"write", "results/deep/secret.txt", "mine", "mode", "results/deep", "0700"},
	})
	c.complete(t, ns, "first")
	c.apply(t, ns, job{
		name:        "second",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"input-uri": "first:v1"},
		args:        []string{"cat", "deep/secret.txt", "tree", "deep"},
	})
	c.complete(t, ns, "second")

	assert.Equal(t, c.logs(t, ns, "second"), "minedrwx------ deep\n-rw------- deep/secret.txt\n")
}

func TestTheStockClientPullsWhatAStepMadeAndPushesWhatAStepTakes(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)

	c.push(t, ns, "from-laptop:v1", map[string]string{"dir/a.txt": "a", "dir/sub/b.txt": "b"})
	c.apply(t, ns, job{
		name:        "step",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"input-uri": "from-laptop:v1", "input-path": "/data", "output-uri": "step:v1", "output-path": "/data/dir"},
		args:        []string{"cat", "/data/dir/a.txt", "cat", "/data/dir/sub/b.txt", "write", "/data/dir/c.txt", "c"},
	})
	c.complete(t, ns, "step")

	assert.Equal(t, c.logs(t, ns, "step"), "ab")
	assert.DeepEqual(t, c.pull(t, ns, "step:v1"), map[string]string{"a.txt": "a", "sub/b.txt": "b", "c.txt": "c"})
}

func TestKeysThatCannotBeObeyedAreDenied(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	tests := map[string]struct {
		job  job
		want string
	}{
		"a cache that does not exist": {
			job{labels: keys{"oras-cache": "absent", "output-uri": "x"}}, `OrasCache "absent"`,
		},
		"a misspelt key": {
			job{labels: keys{"oras-cache": "oras", "output-url": "x"}}, "output-uri",
		},
		"no command": {
			job{labels: keys{"oras-cache": "oras", "output-uri": "x"}, noCommand: true}, "command",
		},
	}
	c.cache(t, ns)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.job.name = "denied"
			err := c.Create(t.Context(), tc.job.object(ns))
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

func TestAPodWithoutAJobIsAStepToo(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	like := job{args: []string{"write", "$ORAS_OUTPUT_PATH/result.txt", "bare"}}.object(ns)
	pod := &corev1.Pod{Spec: like.Spec.Template.Spec}
	pod.Name, pod.Namespace = "bare", ns
	pod.Labels = prefixed(keys{"oras-cache": "oras", "output-uri": "bare"})
	assert.NilError(t, c.Create(t.Context(), pod))

	await(t, "the pod has ended", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed, err
	})
	assert.Equal(t, pod.Status.Phase, corev1.PodSucceeded)
	assert.DeepEqual(t, c.pull(t, ns, "bare:latest"), map[string]string{"result.txt": "bare"})
}

func TestAJobWithoutKeysIsLeftAlone(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	plain := job{name: "plain", args: []string{"identity"}}
	c.apply(t, ns, plain)
	c.complete(t, ns, "plain")
	pod := c.pod(t, ns, "plain")
	assert.Equal(t, len(pod.Spec.InitContainers), 0)
	assert.Equal(t, len(pod.Spec.Containers), 1)
	assert.DeepEqual(t, pod.Spec.Containers[0].Command, []string{"/app"})
}

// twoSteps runs a step that makes result.txt, and one that takes it, prints it, does more, and pushes everything as analyze:v1.
// It returns what the second one printed.
func (c *cluster) twoSteps(t *testing.T, namespace string, more ...string) string {
	t.Helper()
	c.apply(t, namespace, job{
		name:   "simulate",
		labels: keys{"oras-cache": "oras", "output-uri": "simulate"},
		args:   []string{"write", "$ORAS_OUTPUT_PATH/result.txt", "42"},
	})
	c.complete(t, namespace, "simulate")
	c.apply(t, namespace, job{
		name:        "analyze",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"input-uri": "simulate", "input-path": "/data", "output-uri": "analyze:v1", "output-path": "/data"},
		args:        append([]string{"cat", "/data/result.txt"}, more...),
	})
	c.complete(t, namespace, "analyze")
	return c.logs(t, namespace, "analyze")
}
