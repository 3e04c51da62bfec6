//go:build e2e

package e2e

import (
	"net"
	"net/http"
	"regexp"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/test/faults"
	"github.com/converged-computing/oras-operator/test/harness"
)

// The tests of this file are of faults in the last table of test/README.md that are about outputs.

func TestFaultAStepOutlastsARegistryThatIsBusyOrBrokenForAWhile(t *testing.T) { // E77
	t.Parallel()
	c, ns := withCache(t, nil)
	proxy := c.proxy(t, ns)
	c.push(t, ns, "in:v1", map[string]string{"file": "patience"})
	again := map[string]string{"Retry-After": "1"}
	rules := []faults.Rule{
		{Name: "busy pull", Path: "/in/", First: 2, Do: faults.Status, Status: http.StatusTooManyRequests, Headers: again},
		{Name: "broken pull", Path: "/in/", First: 2, Do: faults.Status, Status: http.StatusServiceUnavailable},
		{Name: "busy push", Path: "/out/", First: 2, Do: faults.Status, Status: http.StatusTooManyRequests, Headers: again},
		{Name: "broken push", Path: "/out/", First: 2, Do: faults.Status, Status: http.StatusInternalServerError},
	}
	proxy.rules(t, rules...)
	c.apply(t, ns, taker("step", proxy.keys(keys{"input-uri": "in:v1", "output-uri": "out:v1", "output-path": "/data"})))
	c.complete(t, ns, "step")
	for _, rule := range rules {
		proxy.awaitFired(t, rule.Name, rule.First)
	}
	c.containerLogged(t, ns, "step", "oras", "A request is tried again.")
	assert.Assert(t, is.Contains(c.logs(t, ns, "step"), "patience"))
	assert.DeepEqual(t, c.pull(t, ns, "out:v1"), map[string]string{"file": "patience"})
}

func TestFaultAnOutputThatIsRefusedForGoodIs202(t *testing.T) { // E77
	t.Parallel()
	c, ns := withCache(t, nil)
	proxy := c.proxy(t, ns)
	tests := map[string]struct {
		rule faults.Rule // its path is that within the repository
		want string      // in the termination message
	}{
		"content":  {faults.Rule{Method: http.MethodPost, Path: uploads, Do: faults.Status, Status: http.StatusForbidden}, "403 Forbidden"},
		"manifest": {faults.Rule{Method: http.MethodPut, Path: manifests, Do: faults.Status, Status: http.StatusForbidden}, "403 Forbidden"},
		"size":     {faults.Rule{Method: http.MethodPut, Path: uploads, Do: faults.Status, Status: http.StatusRequestEntityTooLarge}, "413"},
	}
	var rules []faults.Rule
	for name, tc := range tests {
		tc.rule.Name, tc.rule.Path = name, "/"+name+tc.rule.Path
		rules = append(rules, tc.rule)
	}
	proxy.rules(t, rules...)
	for name := range tests {
		c.apply(t, ns, maker(name, proxy.keys(keys{"output-uri": name + ":v1"})))
	}
	for name, tc := range tests {
		c.withoutOutputs(t, ns, name, 202, name+":v1", tc.want)
		assert.Assert(t, is.Nil(c.tags(t, ns, name)))
	}
}

func TestFaultAnOutputThatCannotBePushedBeforeThePushTimeoutIs201(t *testing.T) { // E32
	t.Parallel()
	c, ns := withCache(t, nil)
	proxy := c.proxy(t, ns)
	proxy.rules(t, faults.Rule{Path: uploads, Do: faults.Status, Status: http.StatusServiceUnavailable})
	c.apply(t, ns, maker("step", proxy.keys(keys{"output-uri": "out:v1", "push-timeout": "10s"})))
	c.withoutOutputs(t, ns, "step", 201, "out:v1", "gave up after", "503")
	assert.Assert(t, is.Nil(c.tags(t, ns, "out")))
}

func TestFaultAnOutputThatDoesNotFitIntoTheRegistryIs202(t *testing.T) { // E80
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	registry := c.smallRegistry(t, ns)
	tagless := maker("step", through(registry, keys{"output-uri": "out:v1"}))
	tagless.args = []string{"fill", "$ORAS_OUTPUT_PATH/large", "32"}
	c.apply(t, ns, tagless)
	c.withoutOutputs(t, ns, "step", 202, "out:v1", "507", "The storage of this registry is full")

	wanting := taker("wanting", through(registry, keys{"input-uri": "out:v1"}))
	c.apply(t, ns, wanting)
	c.withoutInputs(t, ns, "wanting", "out:v1 is not in registry")
}

// The one that comes first is held where all its content is in the registry and only its tag is not, however often its sidecar
// tries: so it is the last.
func TestFaultOfTwoStepsThatPushOneTagTheLastWinsAndBothStayPullable(t *testing.T) { // E81
	t.Parallel()
	c, ns := withCache(t, nil)
	proxy := c.proxy(t, ns)
	proxy.hold(t, faults.Rule{Method: http.MethodPut, Path: manifests + "v1$", Direction: faults.Request})
	c.apply(t, ns, maker("late", proxy.keys(keys{"output-uri": "shared:v1"})))
	proxy.awaitFired(t, "hold", 1)
	c.apply(t, ns, maker("early", keys{"oras-cache": cacheName, "output-uri": "shared:v1"}))
	c.complete(t, ns, "early")
	early := c.digest(t, ns, "shared:v1")
	assert.Equal(t, early, c.pushed(t, ns, "early"))
	proxy.release(t)
	c.complete(t, ns, "late")
	late := c.digest(t, ns, "shared:v1")
	assert.Equal(t, late, c.pushed(t, ns, "late"))
	assert.DeepEqual(t, c.pull(t, ns, "shared@"+early), made("early"))
	assert.DeepEqual(t, c.pull(t, ns, "shared@"+late), made("late"))
}

// maker is a step that makes two files that hold its name.
func maker(name string, own keys) job {
	return job{
		name:        name,
		annotations: own,
		args:        []string{"write", "$ORAS_OUTPUT_PATH/first", name, "write", "$ORAS_OUTPUT_PATH/second", name},
	}
}

// made are the files of a maker.
func made(name string) map[string]string { return map[string]string{"first": name, "second": name} }

// withoutOutputs waits until a step has failed with the code because its outputs could not be pushed, and checks that a
// sentence, which an Event has too, names all that is wanted.
func (c *cluster) withoutOutputs(t *testing.T, namespace, name string, code int32, want ...string) {
	t.Helper()
	end := c.failed(t, namespace, name)
	assert.Equal(t, end.ExitCode, code)
	for _, text := range want {
		assert.Assert(t, is.Contains(end.Message, text))
	}
	assert.Equal(t, c.event(t, namespace, name, "OutputPushFailed").Message, "container app: "+end.Message)
}

// pushed is the digest of what a Job has pushed, as an Event says it.
func (c *cluster) pushed(t *testing.T, namespace, name string) string {
	t.Helper()
	message := c.event(t, namespace, name, "OutputPushed").Message
	digest := regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(message)
	assert.Assert(t, digest != "", message)
	return digest
}

// smallRegistry runs the operator's registry on a volume that does not hold a large file, and returns its address.
func (c *cluster) smallRegistry(t *testing.T, namespace string) string {
	t.Helper()
	var operator appsv1.Deployment
	assert.NilError(t, c.Get(t.Context(), client.ObjectKey{Namespace: harness.OperatorNamespace, Name: harness.OperatorName}, &operator))
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "small"},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{
				Name: "registry", Image: operator.Spec.Template.Spec.Containers[0].Image,
				ImagePullPolicy: corev1.PullIfNotPresent,
				Args:            []string{"registry", "--addr=:5000", "--root=/data"},
				ReadinessProbe:  answers("/readyz", 5000),
				VolumeMounts:    []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
			}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: small()}}},
		},
	}
	return net.JoinHostPort(c.serve(t, pod), "5000")
}
