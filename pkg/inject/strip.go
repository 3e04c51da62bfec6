package inject

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

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
	leaveRoom(spec.Resources, least(spec.InitContainers))
	spec.InitContainers = slices.DeleteFunc(spec.InitContainers, isInjected)
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
	c.Env = slices.DeleteFunc(c.Env, isOurVariable)
	call, wrapped := callOf(*c)
	if !wrapped {
		return
	}
	c.Command, c.Args = slices.Concat(call.Launcher, call.Command), nil
	if n := imageArgs(call.Flags); n > 0 && n <= len(call.Command) {
		c.Command, c.Args = call.Launcher, call.Command[n:]
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
