package inject

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
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
		if c.Name == sidecarName || c.Name == shimName {
			ps.add("%s[%d].name: %q is the name of a container that the operator adds; rename the container", field, i, c.Name)
		}
	}
}

func (ps *problems) reservedPaths(c *corev1.Container) {
	for i, m := range c.VolumeMounts {
		if within(path.Clean(m.MountPath), mountRoot) {
			ps.add("container %q: volumeMounts[%d].mountPath: %q is in %s, where the operator mounts its own volumes; choose another path",
				c.Name, i, m.MountPath, mountRoot)
		}
	}
}

// unwrappable finds what keeps the shim from wrapping the chosen containers.
func (ps *problems) unwrappable(wrapped []*corev1.Container, policy corev1.RestartPolicy, outputs bool) {
	for _, c := range wrapped {
		ps.reservedPaths(c)
		if len(c.Command) == 0 {
			ps.add("container %q has no command, and this version does not look into images; set command to the ENTRYPOINT of image %s, and args to its CMD if it has none of its own", c.Name, c.Image)
		}
		if outputs && restartsAlways(*c, policy) {
			ps.add("container %q has outputs and is started again whenever it ends (restartPolicy Always), which this version does not support; set spec.restartPolicy to Never or OnFailure", c.Name)
		}
	}
}

// restartsAlways tells whether a regular container is restarted even after it succeeded. A container may have a policy
// of its own; a pod without any restarts always.
func restartsAlways(c corev1.Container, policy corev1.RestartPolicy) bool {
	if c.RestartPolicy != nil {
		return *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	}
	return policy == corev1.RestartPolicyAlways || policy == ""
}

// within tells whether the clean path p is dir or below it.
func within(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}
