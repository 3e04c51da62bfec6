//go:build e2e

package e2e

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/converged-computing/oras-operator/test/faults"
	"github.com/converged-computing/oras-operator/test/harness"
)

// The tests of this file are of faults in the last table of test/README.md that are about inputs.

// Paths of requests to a registry, as rules have them.
const (
	manifests = "/manifests/"
	blobs     = "/blobs/sha256:"
	uploads   = "/blobs/uploads/"
)

// midway is within a large file, in bytes.
const midway = 1 << 20

func TestFaultAnInputThatIsForbiddenOrNotWhatItsDigestSaysIs200(t *testing.T) { // E77
	t.Parallel()
	c, ns := withCache(t, nil)
	proxy := c.proxy(t, ns)
	tests := map[string]struct {
		rule faults.Rule // its path is that within the repository
		want string      // in the termination message
	}{
		"forbidden":         {faults.Rule{Path: manifests, Do: faults.Status, Status: http.StatusForbidden}, "403 Forbidden"},
		"forbidden-content": {faults.Rule{Path: blobs, Do: faults.Status, Status: http.StatusForbidden}, "403 Forbidden"},
		"corrupt-manifest":  {faults.Rule{Method: http.MethodGet, Path: manifests, Do: faults.Corrupt, After: 9}, "digest"},
		"corrupt-content":   {faults.Rule{Path: blobs, Do: faults.Corrupt}, "digest"},
	}
	var rules []faults.Rule
	for name, tc := range tests {
		c.push(t, ns, name+":v1", map[string]string{"file": name})
		tc.rule.Name, tc.rule.Path = name, "/"+name+tc.rule.Path
		rules = append(rules, tc.rule)
	}
	proxy.rules(t, rules...)
	for name := range tests {
		c.apply(t, ns, taker(name, proxy.keys(keys{"input-uri": name + ":v1"})))
	}
	for name, tc := range tests {
		c.withoutInputs(t, ns, name, name+":v1", tc.want)
	}
}

func TestFaultAnInputThatIsPinnedIsThatOneOrNone(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	c.push(t, ns, "moving:v1", map[string]string{"file": "old"})
	old := c.digest(t, ns, "moving:v1")
	c.push(t, ns, "moving:v1", map[string]string{"file": "new"})
	other := fmt.Sprintf("sha256:%x", sha256.Sum256(nil))
	c.apply(t, ns, taker("old", keys{"oras-cache": cacheName, "input-uri": "moving:v1@" + old}))
	c.apply(t, ns, taker("other", keys{"oras-cache": cacheName, "input-uri": "moving:v1@" + other}))
	c.complete(t, ns, "old")
	assert.Equal(t, c.logs(t, ns, "old"), "uid=1234\nold")
	c.withoutInputs(t, ns, "other", "moving:v1@"+other, "is not in registry")
}

func TestFaultASidecarThatIsKilledInTheMiddleOfAPullIsFollowedByOneThatPulls(t *testing.T) { // E5
	t.Parallel()
	c, ns := withCache(t, nil)
	proxy := c.proxy(t, ns)
	path := c.pushLarge(t, ns)
	proxy.hold(t, faults.Rule{Method: http.MethodGet, Path: path, After: midway})
	c.apply(t, ns, largeTaker(proxy))
	proxy.awaitFired(t, "hold", 1)
	pod := c.pod(t, ns, "step")
	assert.Assert(t, is.Len(c.visible(t, pod, "/data"), 0))
	c.kill(t, pod, "oras", harness.Main)
	proxy.awaitFired(t, "hold", 1+proxy.fired(t, "hold")) // it may have asked again itself before, as for a stream that has stalled
	assert.Assert(t, is.Len(c.visible(t, pod, "/data"), 0))
	proxy.release(t)
	c.complete(t, ns, "step")
	assert.Assert(t, is.Contains(c.logs(t, ns, "step"), largeSum()))
	assert.Equal(t, restarts(c.pod(t, ns, "step"), "oras"), int32(1))
}

// Unlike the content of steps that are held at transitions, this is more than sockets hold: the registry has not sent it all.
func TestFaultARegistryThatIsRestartedMidPullFailsNoStep(t *testing.T) { // E79
	t.Parallel()
	c, ns := withClaim(t)
	proxy := c.proxy(t, ns)
	path := c.pushLarge(t, ns)
	proxy.hold(t, faults.Rule{Method: http.MethodGet, Path: path, First: 1, After: midway})
	c.apply(t, ns, largeTaker(proxy))
	proxy.awaitFired(t, "hold", 1)
	c.restartRegistry(t, ns)
	proxy.release(t)
	c.complete(t, ns, "step")
	assert.Assert(t, is.Contains(c.logs(t, ns, "step"), largeSum()))
	assert.Assert(t, proxy.asked(t, http.MethodGet, path) > 1, "the content was on its way when the registry was killed")
}

func TestFaultAnInputThatDoesNotFitIntoItsVolumeIs200(t *testing.T) { // E80
	t.Parallel()
	c, ns := withCache(t, nil)
	c.pushLarge(t, ns)
	taker := taker("step", keys{"oras-cache": cacheName, "input-uri": "large:v1", "input-path": "/scratch/in"})
	taker.scratch = "/scratch"
	object := taker.object(ns)
	object.Spec.Template.Spec.Volumes[0].EmptyDir = small()
	assert.NilError(t, c.Create(t.Context(), object))
	c.withoutInputs(t, ns, "step", "large:v1 cannot be written to /scratch/in", "no space left on device")
}

// small is a volume that does not hold a large file.
func small() *corev1.EmptyDirVolumeSource {
	size := resource.MustParse("8Mi")
	return &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: &size}
}

// taker is a step that says who it is, and then what is in the file of its input.
func taker(name string, own keys) job {
	all := keys{"input-path": "/data"}
	maps.Copy(all, own)
	return job{name: name, annotations: all, args: []string{"identity", "cat", "/data/file"}}
}

// withoutInputs waits until a taker has failed because it could not have its inputs, and checks that its command never
// ran, and that a sentence, which an Event has too, names all that is wanted.
func (c *cluster) withoutInputs(t *testing.T, namespace, name string, want ...string) {
	t.Helper()
	end := c.failed(t, namespace, name)
	assert.Equal(t, end.ExitCode, int32(200))
	for _, text := range want {
		assert.Assert(t, is.Contains(end.Message, text))
	}
	assert.Equal(t, c.event(t, namespace, name, "InputPullFailed").Message, "container app: "+end.Message)
	assert.Assert(t, !strings.Contains(c.logs(t, namespace, name), "uid="))
}

// large is more than the sockets on its way hold of it.
func large() string { return strings.Repeat("0123456789abcde\n", 2<<20) }

func largeSum() string { return fmt.Sprintf("%x", sha256.Sum256([]byte(large()))) }

// pushLarge makes artifact large:v1 of one file, and returns the path of its content in the registry.
func (c *cluster) pushLarge(t *testing.T, namespace string) string {
	t.Helper()
	c.push(t, namespace, "large:v1", map[string]string{"file": large()})
	return blobs + largeSum()
}

// largeTaker is Job step, which takes artifact large:v1 and writes the sum of its file.
func largeTaker(proxy *proxy) job {
	return job{
		name:        "step",
		annotations: proxy.keys(keys{"input-uri": "large:v1", "input-path": "/data"}),
		args:        []string{"sum", "/data/file"},
	}
}

// visible lists a directory of container app, without the place where a pull that goes on puts things.
func (c *cluster) visible(t *testing.T, pod *corev1.Pod, dir string) []string {
	t.Helper()
	c.running(t, pod.Namespace, pod.Labels[batchv1.JobNameLabel])
	text, err := c.Exec(within(t), pod, "app", "/app", "list", dir)
	assert.NilError(t, err)
	return slices.DeleteFunc(strings.Fields(text), func(name string) bool { return strings.HasPrefix(name, ".oras-staging-") })
}

// asked counts the requests of a method whose path holds text.
func (p *proxy) asked(t *testing.T, method, text string) int {
	t.Helper()
	n := 0
	for _, x := range p.log(t) {
		if x.Method == method && strings.Contains(x.Path, text) {
			n++
		}
	}
	return n
}
