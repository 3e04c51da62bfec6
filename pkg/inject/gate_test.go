package inject_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/inject"
)

// What another webhook breaks in the waiting for inputs would be a pod that never starts, or one that starts without.
func TestABrokenGateIsMended(t *testing.T) { // E49
	remove := func(name string) func(*corev1.PodSpec) {
		return func(s *corev1.PodSpec) {
			s.InitContainers = slices.DeleteFunc(s.InitContainers, func(c corev1.Container) bool { return c.Name == name })
		}
	}
	reverse := func(s *corev1.PodSpec) { slices.Reverse(s.InitContainers[:2]) }
	breaks := map[string]struct {
		step string
		harm func(*corev1.PodSpec)
	}{
		"the gate of an unwrapped step is gone":                  {"inputs-only-and-no-command", remove("oras-gate")},
		"the sidecar of an unwrapped step is gone":               {"inputs-only-and-no-command", remove("oras")},
		"the gate of an unwrapped step comes before its sidecar": {"inputs-only-and-no-command", reverse},
		"the gate of a wrapped step is gone":                     {"gated-for-an-init-container", remove("oras-gate")},
		"an init container that sees the inputs was put before the gate": {"gated-for-an-init-container", func(s *corev1.PodSpec) {
			last := len(s.InitContainers) - 1
			s.InitContainers = slices.Insert(s.InitContainers[:last:last], 1, s.InitContainers[last])
		}},
		"the sidecar was put before the native sidecar of a mesh": {"after-the-native-sidecar-of-a-mesh", func(s *corev1.PodSpec) {
			i := slices.IndexFunc(s.InitContainers, func(c corev1.Container) bool { return c.Name == "oras-shim" })
			s.InitContainers = slices.Concat(s.InitContainers[i:i+2], s.InitContainers[:i], s.InitContainers[i+2:])
		}},
		"the sidecar of a pod with resources of its own is gone": {"resources-of-the-whole-pod", remove("oras")},
		"the gate comes before the sidecar": {"gated-for-a-neighbour", func(s *corev1.PodSpec) {
			slices.Reverse(s.InitContainers[1:])
		}},
	}
	for name, tc := range breaks {
		t.Run(name, func(t *testing.T) {
			want := read(t, tc.step, "golden.yaml")
			pod := *want.DeepCopy()
			tc.harm(&pod.Spec)
			assert.Assert(t, !inject.Injected(pod.Spec))
			got, _, err := step(t, pod)
			assert.NilError(t, err)
			assert.DeepEqual(t, got, want)
		})
	}
}

// A policy may give every container the authorities of the company, those of a mesh too, which come before the gate.
func TestWhatIsMountedIntoEveryContainerOpensNoGate(t *testing.T) {
	pod := read(t, "gated-in-a-mesh", "golden.yaml")
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "company-ca"})
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range list {
			list[i].VolumeMounts = append(list[i].VolumeMounts, corev1.VolumeMount{Name: "company-ca", MountPath: "/etc/ssl/certs"})
		}
	}
	assert.Equal(t, inject.Damage(pod.Spec), "")
	got, _, err := step(t, pod)
	assert.NilError(t, err)
	assert.DeepEqual(t, got, pod)
}

// A mesh that adds its proxy after the injection takes the network away from everything before it.
func TestAProxyThatComesLateOpensTheGate(t *testing.T) {
	proxy := corev1.Container{Name: "istio-proxy", Image: "istio/proxyv2"}
	pod := read(t, "gated-for-probes-and-hooks", "golden.yaml")
	pod.Spec.Containers = append(pod.Spec.Containers, proxy)
	got, warnings, err := step(t, pod)
	assert.NilError(t, err)
	assert.Equal(t, len(warnings), 2)
	assert.Equal(t, len(got.Spec.InitContainers), 2, "the gate is still there")
	assert.DeepEqual(t, got.Spec.Containers, pod.Spec.Containers)

	unwrapped := read(t, "inputs-only-and-no-command", "golden.yaml")
	unwrapped.Spec.Containers = append(unwrapped.Spec.Containers, proxy)
	_, _, err = step(t, unwrapped)
	assert.ErrorContains(t, err, `container "istio-proxy": there is no network before it has started`)
}

// The sum of waits that are each allowed still is a time that the shim can read.
func TestTheLongestWaitsAreNotNegative(t *testing.T) {
	pod := read(t, "gated-for-a-neighbour", "input.yaml")
	pod.Annotations[v1alpha1.KeyPrefix+"input-wait"] = "2000000h"
	pod.Annotations[v1alpha1.KeyPrefix+"pull-timeout"] = "2000000h"
	got, _, err := step(t, pod)
	assert.NilError(t, err)
	for _, c := range [][]string{got.Spec.Containers[0].Command, got.Spec.InitContainers[2].Command} {
		i := slices.IndexFunc(c, func(arg string) bool { return strings.Contains(arg, "timeout=") })
		assert.Assert(t, i > 0)
		_, text, _ := strings.Cut(c[i], "=")
		d, err := time.ParseDuration(text)
		assert.NilError(t, err)
		assert.Assert(t, d > 1_000_000*time.Hour, "%s", c[i])
	}
}
