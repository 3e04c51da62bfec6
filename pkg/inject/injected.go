package inject

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// Injected tells, from the spec alone, whether a pod is whole as a step: the sidecar is a native one, what must run
// before or after it does, and each container that it serves runs under the shim, if there is one. It is what a sidecar
// needs to work, not a comparison with what this version would write.
func Injected(spec corev1.PodSpec) bool { return Damage(spec) == "" }

// Damage is one sentence about what a pod lacks to be whole as a step; empty where it is.
func Damage(spec corev1.PodSpec) string {
	i := slices.IndexFunc(spec.InitContainers, isSidecar)
	if i < 0 {
		return fmt.Sprintf("there is no init container %q that runs the sidecar", sidecarName)
	}
	sidecar := spec.InitContainers[i]
	if !isNative(sidecar) {
		return fmt.Sprintf("init container %q has no restartPolicy %s, and would never let the pod start", sidecarName, corev1.ContainerRestartPolicyAlways)
	}
	if missing := missingVolume(spec, sidecar); missing != "" {
		return fmt.Sprintf("there is no volume %q", missing)
	}
	if wrong := disorder(spec, i); wrong != "" {
		return wrong
	}
	whole := wholeStep
	if isUnwrapped(sidecar) {
		whole = func(corev1.Container) bool { return true }
	}
	if name, ok := serves(sidecar, spec, whole); !ok {
		return fmt.Sprintf("container %q does not run under the shim", name)
	}
	return ""
}

func missingVolume(spec corev1.PodSpec, sidecar corev1.Container) string {
	if !hasVolume(spec, runVolume) {
		return runVolume
	}
	if !isUnwrapped(sidecar) && !hasVolume(spec, binVolume) {
		return binVolume
	}
	if slices.ContainsFunc(sidecar.Command, ofAccess) && !hasVolume(spec, accessVolume) {
		return accessVolume
	}
	return ""
}

// disorder says which init container is missing, or not in its place beside the sidecar, which is number i.
func disorder(spec corev1.PodSpec, i int) string {
	sidecar, proxy := spec.InitContainers[i], meshProxy(spec)
	gate := slices.IndexFunc(spec.InitContainers, isGate)
	installer := slices.IndexFunc(spec.InitContainers, isInstaller)
	switch {
	case gate >= 0 && (gate < i || proxy != ""):
		return fmt.Sprintf("init container %q waits for what cannot come before it has ended", gateName)
	case gate < 0 && (proxy == "" && isGated(sidecar) || isUnwrapped(sidecar) && pulls(sidecar)):
		return fmt.Sprintf("there is no init container %q that waits for the inputs", gateName)
	case gate >= 0 && slices.ContainsFunc(spec.InitContainers[:gate], func(c corev1.Container) bool { return seesVolumes(c, sidecar) }):
		return fmt.Sprintf("an init container that has the volume of an input comes before %q, which waits for the inputs", gateName)
	case len(others(spec.InitContainers[:i])) < meshEnd(others(spec.InitContainers)):
		return fmt.Sprintf("init container %q comes before the native sidecar of a mesh, without which it has no network", sidecarName)
	case !isUnwrapped(sidecar) && (installer < 0 || installer > i):
		return fmt.Sprintf("there is no init container %q before %q that installs the shim", shimName, sidecarName)
	}
	return ""
}

// others are the containers that the operator has not added.
func others(containers []corev1.Container) []corev1.Container {
	return slices.DeleteFunc(slices.Clone(containers), isInjected)
}

// serves tells whether the pod has every container that the sidecar serves, and as it should be; else which it has not.
func serves(sidecar corev1.Container, spec corev1.PodSpec, whole func(corev1.Container) bool) (name string, ok bool) {
	served := servedBy(sidecar)
	for _, name := range served {
		if !slices.ContainsFunc(spec.Containers, func(c corev1.Container) bool { return c.Name == name && whole(c) }) {
			return name, false
		}
	}
	return "", len(served) > 0
}

func hasVolume(spec corev1.PodSpec, name string) bool {
	return slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == name })
}

// isUnwrapped tells whether the sidecar serves a step without shims.
func isUnwrapped(sidecar corev1.Container) bool {
	return slices.Contains(sidecar.Command, "--unwrapped")
}

// isGated tells whether an init container was made to wait for the inputs.
func isGated(sidecar corev1.Container) bool { return slices.Contains(sidecar.Command, "--gated") }

// seesVolumes tells whether an init container of the user's, which runs to its end, has a volume that the sidecar fills. What
// others mount into every container is none.
func seesVolumes(c, sidecar corev1.Container) bool {
	return !isInjected(c) && !isNative(c) && slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
		return slices.ContainsFunc(sidecar.VolumeMounts, func(n corev1.VolumeMount) bool {
			return n.Name == m.Name && !n.ReadOnly && plan.Within(n.MountPath, handoff.VolumeDir)
		})
	})
}

// ofAccess tells whether an argument of a sidecar names a file of the volume with its token and certificates.
func ofAccess(arg string) bool {
	_, file, _ := strings.Cut(arg, "=")
	return strings.HasPrefix(arg, "--") && plan.Within(file, handoff.AccessDir)
}

func pulls(sidecar corev1.Container) bool {
	return slices.ContainsFunc(sidecar.Command, func(arg string) bool { return strings.HasPrefix(arg, "--input=") })
}

func wholeStep(c corev1.Container) bool {
	hasBin := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == binVolume })
	hasRun := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == runVolume })
	return isWrapped(c) && hasBin && hasRun
}
