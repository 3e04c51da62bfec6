package inject_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// Each directory of testdata is a case: input.yaml becomes golden.yaml, with the sentences of warnings.txt if there is
// one, or is denied with those of error.txt. go test ./pkg/inject -update writes them anew.
func TestPod(t *testing.T) {
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			pod := read(t, name, "input.yaml")
			before := pod.DeepCopy()
			got, warnings, err := step(t, pod)
			assert.DeepEqual(t, pod, *before)
			if strings.HasPrefix(name, "denied-") {
				assert.Assert(t, err != nil, "the pod was accepted")
				golden.Assert(t, err.Error()+"\n", filepath.Join(name, "error.txt"))
				return
			}
			assert.NilError(t, err)
			golden.Assert(t, string(encode(t, got)), filepath.Join(name, "golden.yaml"))
			if _, err := os.Stat(filepath.Join("testdata", name, "warnings.txt")); err == nil || len(warnings) > 0 {
				golden.Assert(t, strings.Join(warnings, "\n")+"\n", filepath.Join(name, "warnings.txt"))
			}
		})
	}
}

func TestInjectingTwiceChangesNothing(t *testing.T) {
	for _, name := range accepted(t) {
		t.Run(name, func(t *testing.T) {
			pod := read(t, name, "golden.yaml")
			got, warnings, err := step(t, pod)
			assert.NilError(t, err)
			assert.Equal(t, len(warnings), 0)
			assert.DeepEqual(t, got, pod)
		})
	}
}

// What another webhook, or a person, breaks in an injected pod is mended, and nothing is wrapped twice.
func TestABrokenPodIsMended(t *testing.T) {
	breaks := map[string]func(*corev1.PodSpec){
		"the native sidecar became a plain init container": func(s *corev1.PodSpec) { sidecar(s).RestartPolicy = nil },
		"the two init containers were reordered":           func(s *corev1.PodSpec) { slices.Reverse(s.InitContainers) },
		"the shim's installer is gone": func(s *corev1.PodSpec) {
			s.InitContainers = slices.DeleteFunc(s.InitContainers, func(c corev1.Container) bool { return c.Name == "oras-shim" })
		},
		"the sidecar is gone": func(s *corev1.PodSpec) {
			s.InitContainers = slices.DeleteFunc(s.InitContainers, func(c corev1.Container) bool { return c.Name == "oras" })
		},
		"a volume is gone": func(s *corev1.PodSpec) {
			s.Volumes = slices.DeleteFunc(s.Volumes, func(v corev1.Volume) bool { return v.Name == "oras-run" })
		},
		"a command was written again": func(s *corev1.PodSpec) {
			c := &s.Containers[0]
			c.Command = c.Command[slices.Index(c.Command, "--")+1:]
			s.TerminationGracePeriodSeconds = nil
		},
		"a mount is gone": func(s *corev1.PodSpec) {
			c := &s.Containers[0]
			c.VolumeMounts = slices.DeleteFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == "oras-bin" })
		},
	}
	for name, harm := range breaks {
		t.Run(name, func(t *testing.T) {
			want := read(t, "the-smallest-step", "golden.yaml")
			pod := *want.DeepCopy()
			harm(&pod.Spec)
			assert.Assert(t, !inject.Injected(pod.Spec))
			got, _, err := step(t, pod)
			assert.NilError(t, err)
			assert.DeepEqual(t, got, want)
		})
	}
}

func TestAMendedPodIsAsItWasInjected(t *testing.T) {
	for _, name := range accepted(t) {
		t.Run(name, func(t *testing.T) {
			want := read(t, name, "golden.yaml")
			pod := *want.DeepCopy()
			sidecar(&pod.Spec).RestartPolicy = nil
			got, _, err := step(t, pod)
			assert.NilError(t, err)
			if name == "volumes-at-input-and-output" { // a variable of the user's was the operator's too, and moves
				got.Spec.Containers[0].Env, want.Spec.Containers[0].Env = nil, nil
			}
			assert.DeepEqual(t, got, want)
		})
	}
}

// A container that appears after the injection, such as a proxy, leaves open which container was meant; the pod knows.
func TestAMendedPodKeepsItsContainers(t *testing.T) {
	pod := read(t, "the-smallest-step", "golden.yaml")
	pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "late", Image: "proxy"})
	same, _, err := step(t, pod)
	assert.NilError(t, err)
	assert.DeepEqual(t, same, pod)
	sidecar(&pod.Spec).RestartPolicy = nil
	mended, _, err := step(t, pod)
	assert.NilError(t, err)
	assert.Assert(t, inject.Injected(mended.Spec))
	assert.DeepEqual(t, mended.Spec.Containers, pod.Spec.Containers)
}

// Exported manifests carry labels and annotations: they must not pass for an injected pod.
func TestOnlyTheSpecTellsAnInjectedPod(t *testing.T) {
	want := read(t, "the-smallest-step", "golden.yaml")
	pod := read(t, "the-smallest-step", "input.yaml")
	pod.ObjectMeta = *want.ObjectMeta.DeepCopy()
	got, _, err := step(t, pod)
	assert.NilError(t, err)
	assert.DeepEqual(t, got, want)
}

func step(t *testing.T, pod corev1.PodTemplateSpec) (corev1.PodTemplateSpec, []string, error) {
	t.Helper()
	p, _, err := plan.Parse(plan.Metadata{Labels: pod.Labels, Annotations: pod.Annotations})
	assert.NilError(t, err)
	registry, ok := p.Endpoint()
	if !ok {
		registry = plan.Endpoint{Host: p.Cache + ".default.svc:5000", PlainHTTP: true}
	}
	return inject.Pod(pod, p, inject.Options{SidecarImage: "sidecar:test", Registry: registry})
}

func sidecar(spec *corev1.PodSpec) *corev1.Container {
	return &spec.InitContainers[slices.IndexFunc(spec.InitContainers, func(c corev1.Container) bool { return c.Name == "oras" })]
}

func cases(t *testing.T) []string {
	t.Helper()
	inputs, err := filepath.Glob("testdata/*/input.yaml")
	assert.NilError(t, err)
	assert.Assert(t, len(inputs) > 0)
	var names []string
	for _, input := range inputs {
		names = append(names, filepath.Base(filepath.Dir(input)))
	}
	return names
}

func accepted(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(cases(t), func(name string) bool { return strings.HasPrefix(name, "denied-") })
}

func read(t *testing.T, name, file string) corev1.PodTemplateSpec {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name, file))
	assert.NilError(t, err)
	var pod corev1.Pod
	assert.NilError(t, yaml.UnmarshalStrict(data, &pod))
	return corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}
}

// encode writes a pod as kubectl would, without the status that a new pod has not got.
func encode(t *testing.T, pod corev1.PodTemplateSpec) []byte {
	t.Helper()
	data, err := yaml.Marshal(struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		corev1.PodTemplateSpec
	}{"v1", "Pod", pod})
	assert.NilError(t, err)
	return data
}
