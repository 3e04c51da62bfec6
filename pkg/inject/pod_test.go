package inject_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// Each directory of testdata is a case: input.yaml becomes golden.yaml, with the sentences of warnings.txt if there is
// one, or is denied with those of error.txt. go test ./pkg/inject -update writes them anew. What images run is in
// images.yaml, what OrasCaches want in caches.yaml.
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

// What needs no shim must not depend on a registry.
func TestOnlyImagesOfCommandsThatAreNeededAreWanted(t *testing.T) {
	for name, want := range map[string][]string{
		"the-command-of-the-image":                    {"solver:1"},
		"the-entrypoint-of-the-image-and-own-args":    {"solver:1"},
		"denied-no-command":                           {"busybox:1.37"},
		"the-smallest-step":                           nil,
		"inputs-only-and-no-command":                  nil,
		"never-wrapped":                               nil,
		"denied-which-container":                      nil,
		"denied-no-command-and-a-shim-that-is-needed": {"example.org/tool"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := read(t, name, "input.yaml")
			p, _, err := plan.Parse(plan.Metadata{Labels: pod.Labels, Annotations: pod.Annotations})
			assert.NilError(t, err)
			assert.DeepEqual(t, inject.WantedImages(pod, p), want)
		})
	}
	pod := read(t, "the-smallest-step", "golden.yaml")
	assert.Equal(t, len(inject.WantedImages(pod, plan.Plan{})), 0, "of a pod that is injected")
}

func TestInjectingTwiceChangesNothing(t *testing.T) { // E48
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

// The sidecar reads its arguments back as the kubelet hands them over, with every $$ a $ again.
func TestEverySidecarCanServeItsStep(t *testing.T) {
	for _, name := range accepted(t) {
		t.Run(name, func(t *testing.T) {
			pod := read(t, name, "golden.yaml")
			var task handoff.Step
			flags := flag.NewFlagSet("run", flag.ContinueOnError)
			task.BindFlags(flags)
			var args []string
			for _, arg := range sidecar(&pod.Spec).Command[2:] {
				args = append(args, strings.ReplaceAll(arg, "$$", "$"))
			}
			assert.NilError(t, flags.Parse(args))
			assert.NilError(t, task.Validate())
			for _, in := range task.Inputs {
				assert.NilError(t, placeholder.Check(in.Artifact))
				assert.NilError(t, placeholder.Check(in.Path))
				assert.NilError(t, placeholder.Check(in.Below))
			}
			for _, out := range task.Outputs {
				assert.NilError(t, placeholder.Check(out.Artifact))
				assert.NilError(t, placeholder.Check(out.Path))
				assert.NilError(t, placeholder.Check(out.Below))
			}
		})
	}
}

// What another webhook, or a person, breaks in an injected pod is mended, and nothing is wrapped twice.
func TestABrokenPodIsMended(t *testing.T) { // E49
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
		"the volume of the token is gone": func(s *corev1.PodSpec) {
			s.Volumes = slices.DeleteFunc(s.Volumes, func(v corev1.Volume) bool { return v.Name == "oras-access" })
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
			want := read(t, "a-token-of-the-pods-service-account", "golden.yaml")
			pod := *want.DeepCopy()
			harm(&pod.Spec)
			assert.Assert(t, !inject.Injected(pod.Spec))
			got, _, err := step(t, pod)
			assert.NilError(t, err)
			assert.DeepEqual(t, got, want)
		})
	}
}

// So does vault-env of bank-vaults, which becomes what it is given. Two shims of one container would throw each other out.
func TestWhatAnotherWebhookPutsBeforeTheShimStaysThere(t *testing.T) { // E49
	pod := read(t, "the-smallest-step", "golden.yaml")
	c := &pod.Spec.Containers[0]
	c.Command, c.Args = []string{"/vault/vault-env", "--"}, c.Command
	got, _, err := step(t, pod)
	assert.NilError(t, err)
	assert.DeepEqual(t, got, pod)

	sidecar(&pod.Spec).RestartPolicy = nil
	got, _, err = step(t, pod)
	assert.NilError(t, err)
	command := got.Spec.Containers[0].Command
	assert.Equal(t, len(got.Spec.Containers[0].Args), 0)
	assert.DeepEqual(t, command[slices.Index(command, "--")+1:], append([]string{"/vault/vault-env", "--"}, read(t, "the-smallest-step", "input.yaml").Spec.Containers[0].Command...))
	assert.Equal(t, strings.Count(strings.Join(command, " "), handoff.ShimPath), 1)
	assert.DeepEqual(t, got.Spec.TerminationGracePeriodSeconds, pod.Spec.TerminationGracePeriodSeconds)
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

func TestAnEscapedVariableIsTheCommandsOwnToReadLate(t *testing.T) {
	pod := read(t, "denied-a-variable-that-is-filled-in-too-early", "input.yaml")
	c := &pod.Spec.Containers[0]
	c.Command, c.Env = []string{"solve", "$$(ORAS_OUTPUT_PATH)", "$ORAS_OUTPUT_PATH"}, nil
	_, _, err := step(t, pod)
	assert.NilError(t, err)
	c.Command[1] = "$$$(ORAS_OUTPUT_PATH)"
	_, _, err = step(t, pod)
	assert.ErrorContains(t, err, "Kubernetes fills in $(ORAS_OUTPUT_PATH)")
}

// Sentences and annotations have room for a few of a kind, whatever an author writes.
func TestWhatIsSaidOfManyIsCutShort(t *testing.T) {
	pod := read(t, "the-smallest-step", "input.yaml")
	pod.Annotations = map[string]string{}
	for i := range 1000 - len(pod.Labels) {
		pod.Annotations[fmt.Sprintf("oras.converged-computing.github.io/output-uri_%d", i)] = strings.Repeat("a", 100) + strconv.Itoa(i)
	}
	got, _, err := step(t, pod)
	assert.NilError(t, err)
	status := got.Annotations["oras.converged-computing.github.io/status"]
	assert.Assert(t, len(status) < 4<<10, "%d bytes", len(status))
	assert.Assert(t, strings.Contains(status, "more; registry oras.default.svc:5000"), status)

	pod = read(t, "denied-which-container", "input.yaml")
	for i := range 10_000 {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprintf("c%d", i)})
	}
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("n%d", i)
	}
	metav1.SetMetaDataAnnotation(&pod.ObjectMeta, "oras.converged-computing.github.io/container", strings.Join(names, ","))
	_, _, err = step(t, pod)
	assert.Assert(t, err != nil && len(err.Error()) < 100<<10, "%v", err)
}

func TestANamespaceThatIsNotKnownIsLeftToThePod(t *testing.T) {
	pod := read(t, "placeholders-in-artifacts-and-paths", "input.yaml")
	p, _, err := plan.Parse(plan.Metadata{Annotations: pod.Annotations})
	assert.NilError(t, err)
	got, _, err := inject.Pod(pod, p, inject.Options{SidecarImage: "sidecar:test"})
	assert.NilError(t, err)
	assert.Assert(t, slices.ContainsFunc(sidecar(&got.Spec).Command, func(arg string) bool {
		return strings.HasPrefix(arg, `--input={"artifact":"{namespace}/mesh:latest"`)
	}))
}

func TestSeveralPodsThatPushOneArtifactAreWarnedOf(t *testing.T) {
	pod := read(t, "the-smallest-step", "input.yaml")
	p, _, err := plan.Parse(plan.Metadata{Annotations: map[string]string{
		v1alpha1.KeyPrefix + "oras-cache": "oras", v1alpha1.KeyPrefix + "output-uri_1": "one-{job}", v1alpha1.KeyPrefix + "output-path_1": "a",
		v1alpha1.KeyPrefix + "output-uri_2": "each-{index}", v1alpha1.KeyPrefix + "output-uri_3": "own:{pod}",
	}})
	assert.NilError(t, err)
	opts := inject.Options{SidecarImage: "sidecar:test", Several: true}
	_, warnings, err := inject.Pod(pod, p, opts)
	assert.NilError(t, err)
	assert.DeepEqual(t, warnings, []string{
		"output-uri_1: several pods push one-{job}:latest, and the last one wins; write {index} or {pod} into it for one of each",
	})
	opts.Several = false
	_, warnings, err = inject.Pod(pod, p, opts)
	assert.NilError(t, err)
	assert.Equal(t, len(warnings), 0)
}

func step(t *testing.T, pod corev1.PodTemplateSpec) (corev1.PodTemplateSpec, []string, error) {
	t.Helper()
	p, _, err := plan.Parse(plan.Metadata{Labels: pod.Labels, Annotations: pod.Annotations})
	assert.NilError(t, err)
	registry, ok := p.Endpoint()
	if !ok {
		registry = plan.OfCache(cache(t, p.Cache))
	}
	return inject.Pod(pod, p, inject.Options{SidecarImage: "sidecar:test", Registry: registry, Namespace: "default", Images: images(t)})
}

// cache is an OrasCache of the cases.
func cache(t *testing.T, name string) *v1alpha1.OrasCache {
	t.Helper()
	data, err := os.ReadFile("testdata/caches.yaml")
	assert.NilError(t, err)
	var specs map[string]v1alpha1.OrasCacheSpec
	assert.NilError(t, yaml.UnmarshalStrict(data, &specs))
	return &v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Spec: specs[name]}
}

func images(t *testing.T) map[string]inject.ImageCommand {
	t.Helper()
	data, err := os.ReadFile("testdata/images.yaml")
	assert.NilError(t, err)
	var all map[string]inject.ImageCommand
	assert.NilError(t, yaml.UnmarshalStrict(data, &all))
	return all
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
