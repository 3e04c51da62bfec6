package inject

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Injected tells, from the spec alone, whether a pod is whole as a step: the sidecar is a native one, what must run
// before or after it does, and each container that it serves runs under the shim, if there is one. It is what a sidecar
// needs to work, not a comparison with what this version would write.
func Injected(spec corev1.PodSpec) bool {
	i := slices.IndexFunc(spec.InitContainers, isSidecar)
	if i < 0 || !isNative(spec.InitContainers[i]) || !hasVolume(spec, runVolume) {
		return false
	}
	sidecar := spec.InitContainers[i]
	gate := slices.IndexFunc(spec.InitContainers, isGate)
	if gate >= 0 && (gate < i || meshProxy(spec) != "") {
		return false // it would wait for what cannot come
	}
	if !isUnwrapped(sidecar) {
		installer := slices.IndexFunc(spec.InitContainers, isInstaller)
		return installer >= 0 && installer < i && hasVolume(spec, binVolume) && serves(sidecar, spec, wholeStep)
	}
	return (gate >= 0 || !pulls(sidecar)) && serves(sidecar, spec, func(corev1.Container) bool { return true })
}

// serves tells whether the pod has every container that the sidecar serves, and as it should be.
func serves(sidecar corev1.Container, spec corev1.PodSpec, whole func(corev1.Container) bool) bool {
	served := servedBy(sidecar)
	for _, name := range served {
		if !slices.ContainsFunc(spec.Containers, func(c corev1.Container) bool { return c.Name == name && whole(c) }) {
			return false
		}
	}
	return len(served) > 0
}

func hasVolume(spec corev1.PodSpec, name string) bool {
	return slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == name })
}

// isUnwrapped tells whether the sidecar serves a step without shims.
func isUnwrapped(sidecar corev1.Container) bool {
	return slices.Contains(sidecar.Command, "--unwrapped")
}

func pulls(sidecar corev1.Container) bool {
	return slices.ContainsFunc(sidecar.Command, func(arg string) bool { return strings.HasPrefix(arg, "--input=") })
}

func wholeStep(c corev1.Container) bool {
	hasBin := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == binVolume })
	hasRun := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == runVolume })
	return isWrapped(c) && hasBin && hasRun
}

// strip returns a copy of the pod without anything that was injected, as far as it can be told apart, and the names of
// the containers of the step. A pod that holds nothing of the operator's is only copied.
func strip(pod corev1.PodTemplateSpec) (corev1.PodTemplateSpec, []string) {
	out := *pod.DeepCopy()
	spec := &out.Spec
	chosen := stepContainers(*spec)
	if chosen == nil {
		return out, nil
	}
	delete(out.Labels, v1alpha1.InjectedLabel)
	delete(out.Annotations, v1alpha1.StatusAnnotation)
	if i := slices.IndexFunc(spec.InitContainers, isSidecar); i >= 0 {
		lowerResources(spec.Resources, spec.InitContainers[i].Resources.Requests)
	}
	spec.InitContainers = slices.DeleteFunc(spec.InitContainers, func(c corev1.Container) bool { return isSidecar(c) || isInstaller(c) || isGate(c) })
	spec.Volumes = slices.DeleteFunc(spec.Volumes, func(v corev1.Volume) bool { return isOurVolume(v.Name) })
	for i := range spec.Containers {
		if slices.Contains(chosen, spec.Containers[i].Name) {
			restoreGrace(spec, spec.Containers[i])
			unwrap(&spec.Containers[i])
		}
	}
	return out, chosen
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

// stepContainers lists the containers of the pod that were chosen for the step; nil where the operator was never here.
func stepContainers(spec corev1.PodSpec) []string {
	if i := slices.IndexFunc(spec.InitContainers, isSidecar); i >= 0 {
		return servedBy(spec.InitContainers[i])
	}
	var names []string
	gated := slices.ContainsFunc(spec.InitContainers, isGate)
	for _, c := range spec.Containers {
		ours := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return isOurVolume(m.Name) })
		if isWrapped(c) || gated && ours {
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
