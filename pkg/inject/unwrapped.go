package inject

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// runsUnwrapped tells whether the step does without a shim: where that is asked for, and where nothing needs a shim and
// there is no command to give it.
func runsUnwrapped(p plan.Plan, chosen []*corev1.Container) bool {
	if p.Wrap == plan.WrapNever {
		return true
	}
	bare := slices.ContainsFunc(chosen, func(c *corev1.Container) bool { return len(c.Command) == 0 })
	absolute := !slices.ContainsFunc(p.Inputs, func(in plan.Input) bool { return !path.IsAbs(in.Path) })
	return bare && absolute && len(p.Outputs) == 0 && p.OutputPipe == "" && len(p.ShimFlags) == 0 && p.Wrap != plan.WrapAlways
}

// unguarded finds what only a shim could do, in a pod that has none.
func (d *decision) unguarded(spec corev1.PodSpec, ps *problems) {
	for _, in := range d.plan.Inputs {
		if !path.IsAbs(in.Path) {
			ps.of(in.PathKey, "%s would go to a working directory, and nobody writes there for a container that is not wrapped; set %s to an absolute path, such as /data",
				in.Artifact, in.PathKey)
		}
	}
	if proxy := meshProxy(spec); proxy != "" && len(d.plan.Inputs) > 0 {
		ps.add("container %q: there is no network before it has started, so no init container can wait for the inputs of a container that is not wrapped; set the command of %s, or let the mesh use native sidecars",
			proxy, strings.Join(namesOf(d.chosen), ", "))
	}
	const remedy = "set wrap to always, or remove this key"
	if d.plan.OutputPipe != "" {
		ps.of(v1alpha1.KeyOutputPipe, "%q is written by the shim, and the step has none; %s", d.plan.OutputPipe, remedy)
	}
	if len(d.plan.ShimFlags) > 0 {
		ps.of(v1alpha1.KeyShimFlags, "%q is for the shim, and the step has none; %s", strings.Join(d.plan.ShimFlags, " "), remedy)
	}
	if handoff.When(d.plan.OutputOn) == handoff.OnFailure && len(d.plan.Outputs) > 0 {
		ps.of(v1alpha1.KeyOutputOn, "%q needs the command's exit code, which only a shim sees, and the step has none; set it to always, or set wrap to always",
			d.plan.OutputOn)
	}
}
