package inject

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// waitSlack is what starting the sidecar may add to pulling.
const waitSlack = time.Minute

// ages is so long that nobody waits longer, and the sum of a few still is a time.Duration.
const ages = 50 * 365 * 24 * time.Hour

// waitTimeout is the longest that inputs can take, one restart of the sidecar included. It is for a shim or a gate that
// no sidecar tells anything; else the sidecar's own bounds come first.
func waitTimeout(p plan.Plan) time.Duration {
	var longest time.Duration
	for _, in := range p.Inputs {
		longest = max(longest, in.Wait)
	}
	return min(longest, ages) + 2*min(p.PullTimeout, ages) + waitSlack
}

// needsGate tells whether an init container has to wait for the inputs: where the shim alone would come too late, or
// where there is none. With a mesh's proxy among the regular containers no init container can.
func (d *decision) needsGate(spec corev1.PodSpec) bool {
	if len(d.inputs.filled) == 0 || meshProxy(spec) != "" {
		return false
	}
	return d.unwrapped || slices.ContainsFunc(d.chosen, isWatched) || d.othersSeeInputs(spec)
}

// isWatched tells whether Kubernetes does something with a container as soon as it runs.
func isWatched(c *corev1.Container) bool {
	return c.LivenessProbe != nil || c.ReadinessProbe != nil || c.StartupProbe != nil || hasPostStart(c.Lifecycle)
}

// othersSeeInputs tells whether a container without a shim, one that runs before the command or beside it, has a volume
// of an input.
func (d *decision) othersSeeInputs(spec corev1.PodSpec) bool {
	seesInput := func(c corev1.Container) bool {
		return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return slices.Contains(d.inputs.filled, m.Name) })
	}
	later := spec.InitContainers[meshEnd(spec.InitContainers):]
	return slices.ContainsFunc(later, func(c corev1.Container) bool { return !isNative(c) && seesInput(c) }) ||
		slices.ContainsFunc(spec.Containers, func(c corev1.Container) bool {
			return !slices.Contains(namesOf(d.chosen), c.Name) && seesInput(c)
		})
}

// gate waits for the sidecar's verdict on the inputs and fails the pod where they cannot be had. Where it is started again
// then, it has them tried again.
func (d *decision) gate() corev1.Container {
	command := append(gateCommand(), "--run-dir="+string(handoff.DefaultDir), "--timeout="+waitTimeout(d.plan).String())
	if d.restartPolicy != corev1.RestartPolicyNever {
		command = append(command, "--anew")
	}
	c := d.container(gateName, command)
	c.VolumeMounts = []corev1.VolumeMount{{Name: runVolume, MountPath: string(handoff.DefaultDir), ReadOnly: true}}
	return c
}
