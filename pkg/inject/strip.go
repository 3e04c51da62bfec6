package inject

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Injected tells, from the spec alone, whether a pod is whole as a step: the shim is installed before the native
// sidecar starts, and each container that the sidecar serves runs under the shim. It is what a sidecar needs to work,
// not a comparison with what this version would write.
func Injected(spec corev1.PodSpec) bool {
	installer := slices.IndexFunc(spec.InitContainers, isInstaller)
	sidecar := slices.IndexFunc(spec.InitContainers, isSidecar)
	if installer < 0 || sidecar < installer || !isNative(spec.InitContainers[sidecar]) {
		return false
	}
	for _, name := range []string{binVolume, runVolume} {
		if !slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == name }) {
			return false
		}
	}
	served := servedBy(spec.InitContainers[sidecar])
	for _, name := range served {
		if !slices.ContainsFunc(spec.Containers, func(c corev1.Container) bool { return c.Name == name && wholeStep(c) }) {
			return false
		}
	}
	return len(served) > 0
}

func wholeStep(c corev1.Container) bool {
	hasBin := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == binVolume })
	hasRun := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == runVolume })
	return isWrapped(c) && hasBin && hasRun
}

// strip returns a copy of the pod without anything that was injected, as far as it can be told apart, and the names of
// the containers that were wrapped. A pod that holds nothing of the operator's is only copied.
func strip(pod corev1.PodTemplateSpec) (corev1.PodTemplateSpec, []string) {
	out := *pod.DeepCopy()
	spec := &out.Spec
	wrapped := wrappedNames(*spec)
	if wrapped == nil {
		return out, nil
	}
	delete(out.Labels, v1alpha1.InjectedLabel)
	delete(out.Annotations, v1alpha1.StatusAnnotation)
	if i := slices.IndexFunc(spec.InitContainers, isSidecar); i >= 0 {
		lowerResources(spec.Resources, spec.InitContainers[i].Resources.Requests)
	}
	spec.InitContainers = slices.DeleteFunc(spec.InitContainers, func(c corev1.Container) bool { return isSidecar(c) || isInstaller(c) })
	spec.Volumes = slices.DeleteFunc(spec.Volumes, func(v corev1.Volume) bool { return isOurVolume(v.Name) })
	for i := range spec.Containers {
		if slices.Contains(wrapped, spec.Containers[i].Name) {
			restoreGrace(spec, spec.Containers[i])
			unwrap(&spec.Containers[i])
		}
	}
	return out, wrapped
}

func unwrap(c *corev1.Container) {
	c.VolumeMounts = slices.DeleteFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return isOurVolume(m.Name) })
	c.Env = slices.DeleteFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == inputPathEnv || v.Name == outputPathEnv })
	if isWrapped(*c) {
		if i := slices.Index(c.Command, "--"); i > 0 {
			c.Command = c.Command[i+1:]
		}
	}
}

// wrappedNames lists the containers of the pod that are, or were, under the shim; nil where the operator was never here.
func wrappedNames(spec corev1.PodSpec) []string {
	for _, c := range spec.InitContainers {
		if isSidecar(c) {
			return servedBy(c)
		}
	}
	var names []string
	for _, c := range spec.Containers {
		if isWrapped(c) {
			names = append(names, c.Name)
		}
	}
	return names
}

// servedBy lists the containers that a sidecar serves, from its flags.
func servedBy(sidecar corev1.Container) []string {
	var names []string
	for _, arg := range sidecar.Command {
		if name, ok := strings.CutPrefix(arg, "--container="); ok {
			names = append(names, name)
		}
	}
	return names
}
