package inject

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// problems collects every reason why a pod cannot be a step.
type problems []error

func (ps *problems) add(format string, args ...any) { *ps = append(*ps, fmt.Errorf(format, args...)) }

// err joins the problems in a steady order, each once; nil for none.
func (ps problems) err() error {
	sorted := slices.SortedStableFunc(slices.Values(ps), func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(slices.CompactFunc(sorted, func(a, b error) bool { return a.Error() == b.Error() })...)
}

// unsupported finds what no step can have.
func (ps *problems) unsupported(spec corev1.PodSpec) {
	const remedy = "steps run on Linux only; remove the keys from this pod"
	if spec.OS != nil && spec.OS.Name == corev1.Windows {
		ps.add("spec.os.name is %q: %s", spec.OS.Name, remedy)
	}
	if os := spec.NodeSelector[corev1.LabelOSStable]; os == string(corev1.Windows) {
		ps.add("spec.nodeSelector[%s] is %q: %s", corev1.LabelOSStable, os, remedy)
	}
}

// collisions finds names of the user's that the operator needs for its own.
func (ps *problems) collisions(spec corev1.PodSpec) {
	for i, v := range spec.Volumes {
		if isOurVolume(v.Name) {
			ps.add("spec.volumes[%d].name: %q is the name of a volume that the operator adds; rename the volume", i, v.Name)
		}
	}
	ps.reservedNames("spec.initContainers", spec.InitContainers)
	ps.reservedNames("spec.containers", spec.Containers)
}

func (ps *problems) reservedNames(field string, containers []corev1.Container) {
	for i, c := range containers {
		if c.Name == sidecarName || c.Name == shimName || c.Name == gateName {
			ps.add("%s[%d].name: %q is the name of a container that the operator adds; rename the container", field, i, c.Name)
		}
	}
}

func (ps *problems) reservedPaths(c *corev1.Container) {
	for i, m := range c.VolumeMounts {
		if plan.Within(path.Clean(m.MountPath), mountRoot) {
			ps.add("container %q: volumeMounts[%d].mountPath: %q is in %s, where the operator mounts its own volumes; choose another path",
				c.Name, i, m.MountPath, mountRoot)
		}
	}
}

// check finds what is wrong with the containers of the step, in the light of what is decided.
func (d *decision) check(spec corev1.PodSpec, ps *problems) {
	for _, c := range d.chosen {
		ps.reservedPaths(c)
		d.checkRestarts(*c, ps)
		d.checkPipe(*c, ps)
		if len(c.Command) == 0 && !d.unwrapped {
			ps.add("container %q has no command, and this version does not look into images; set command to the ENTRYPOINT of image %s, and args to its CMD if it has none of its own, or set %s to %s",
				c.Name, c.Image, v1alpha1.KeyWrap, plan.WrapNever)
		}
	}
	if d.unwrapped {
		d.unguarded(spec, ps)
	}
}

// checkRestarts finds outputs of a container that never ends for good but are wanted only when it does.
func (d *decision) checkRestarts(c corev1.Container, ps *problems) {
	always := restartPolicy(c, d.restartPolicy) == corev1.RestartPolicyAlways
	if always && len(d.plan.Outputs) > 0 && handoff.When(d.plan.OutputOn) != handoff.OnAlways {
		ps.add("container %q has outputs and is started again whenever it ends (restartPolicy Always); set %s to %s, and they are pushed each time it ends, or set spec.restartPolicy to Never or OnFailure",
			c.Name, v1alpha1.KeyOutputOn, handoff.OnAlways)
	}
}

// checkPipe finds a file for standard output in a directory that the container does not have.
func (d *decision) checkPipe(c corev1.Container, ps *problems) {
	if plan.Within(d.plan.OutputPipe, handoff.OutDir) && !d.outputs.useOutDir(c.Name) {
		ps.add("%s: %q is in %s, which container %q has for outputs without a path, and none of its outputs is such; choose another path",
			v1alpha1.KeyOutputPipe, d.plan.OutputPipe, handoff.OutDir, c.Name)
	}
}

// restartPolicy is that of a regular container. It may have a policy of its own; a pod without any restarts always. One
// with rules is restarted after some failures.
func restartPolicy(c corev1.Container, pod corev1.RestartPolicy) corev1.RestartPolicy {
	if len(c.RestartPolicyRules) > 0 {
		return corev1.RestartPolicyOnFailure
	}
	if c.RestartPolicy != nil {
		return corev1.RestartPolicy(*c.RestartPolicy)
	}
	return cmp.Or(pod, corev1.RestartPolicyAlways)
}
