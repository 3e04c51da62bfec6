package inject

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// inputs is where each input goes, and the volumes and mounts that it takes.
type inputs struct {
	steps     []handoff.Input
	volumes   []corev1.Volume      // added to the pod
	appMounts []corev1.VolumeMount // of those volumes, in every container of the step
	filled    []string             // names of all volumes that inputs go to
	warnings  []string
}

// placeInputs decides for each input between a volume that the pod already has at its path, an emptyDir there, and the
// shim, which writes to paths that are relative to a working directory.
func (d *decision) placeInputs(volumes []corev1.Volume, ps *problems) inputs {
	if len(d.chosen) == 0 {
		return inputs{}
	}
	var ins inputs
	roots := ins.addVolumes(uncovered(d.plan.Inputs, d.chosen), ps)
	for _, in := range d.plan.Inputs {
		step := handoff.Input{
			Artifact: in.Artifact, Path: escape(in.Path), Optional: in.Optional, Count: in.Count, Wait: handoff.Duration(in.Wait),
		}
		if path.IsAbs(in.Path) {
			at, ok := locate(in, d.chosen, roots, ps)
			if !ok || !acceptsInput(in, at, volumes, ps) {
				continue
			}
			step.Mount, step.Below = d.mounts.of(at, false)
			step.Share = d.identity.shared
			ins.filled = append(ins.filled, at.volume)
			ins.warnHidden(in, d.chosen)
		}
		ins.steps = append(ins.steps, step)
	}
	return ins
}

// uncovered lists the absolute paths that no volume of the pod is mounted at, without those below another.
func uncovered(wanted []plan.Input, chosen []*corev1.Container) []plan.Input {
	var found []plan.Input
	for _, in := range wanted {
		if path.IsAbs(in.Path) && !slices.ContainsFunc(chosen, func(c *corev1.Container) bool { return covering(c, in.Path) != nil }) {
			found = append(found, in)
		}
	}
	slices.SortStableFunc(found, func(a, b plan.Input) int { return strings.Compare(known(a.Path), known(b.Path)) })
	var tops []plan.Input
	for _, in := range found {
		if !slices.ContainsFunc(tops, func(top plan.Input) bool { return plan.Within(known(in.Path), known(top.Path)) }) {
			tops = append(tops, in)
		}
	}
	return tops
}

// addVolumes gives each path an emptyDir, mounted there in the containers of the step, or above its first placeholder.
func (ins *inputs) addVolumes(at []plan.Input, ps *problems) []corev1.VolumeMount {
	for i, in := range at {
		dir := literal(known(in.Path))
		if strings.Contains(dir, ":") {
			ps.of(in.PathKey, `%q holds a ":", and Kubernetes mounts no volume at such a path; choose another`, in.Path)
		}
		if known(in.Path) != in.Path && ofImages(dir) {
			ps.of(in.PathKey, "for %q a volume would be mounted at %s, where it would hide what the image has; put a directory before the placeholder, such as /data/{pod}",
				in.Path, dir)
		}
		name := inVolume + strconv.Itoa(i)
		ins.volumes = append(ins.volumes, emptyDir(name))
		ins.appMounts = append(ins.appMounts, corev1.VolumeMount{Name: name, MountPath: dir})
	}
	return ins.appMounts
}

// ofImages tells whether images usually have a directory, with what their programs need. Nobody asked for a volume
// there who asked for one of a name that is not known yet below.
func ofImages(dir string) bool {
	return slices.Contains([]string{
		"/", "/bin", "/boot", "/home", "/lib", "/lib32", "/lib64", "/opt", "/root", "/run", "/sbin", "/srv", "/usr", "/usr/bin",
		"/usr/lib", "/usr/lib64", "/usr/local", "/usr/local/bin", "/usr/local/lib", "/usr/sbin", "/usr/share", "/var", "/var/lib",
	}, dir)
}

// locate finds the volume that all containers of the step see at the input's path.
func locate(in plan.Input, chosen []*corev1.Container, roots []corev1.VolumeMount, ps *problems) (place, bool) {
	var at place
	for i, c := range chosen {
		m := covering(c, in.Path)
		if m == nil {
			m = longest(roots, in.Path)
		}
		if m != nil && m.SubPathExpr != "" {
			ps.of(in.PathKey, "%q is on volume %q, which container %q mounts with subPathExpr; mount it with subPath instead", in.Path, m.Name, c.Name)
			return place{}, false
		}
		next := place{}
		if m != nil {
			next = placeOn(*m, in.Path)
		}
		if i > 0 && next != at {
			ps.of(in.PathKey, "%q is not on the same volume in the containers %q and %q; mount one volume there in all wrapped containers", in.Path, chosen[0].Name, c.Name)
			return place{}, false
		}
		at = next
	}
	return at, true
}

// warnHidden tells of volumes of the user's below an input's path: what the artifact has there cannot be seen.
func (ins *inputs) warnHidden(in plan.Input, chosen []*corev1.Container) {
	for _, c := range chosen {
		for _, m := range c.VolumeMounts {
			if p := mountPath(m); p != in.Path && plan.Within(p, in.Path) {
				ins.warnings = append(ins.warnings, fmt.Sprintf("%s: volume %q, mounted at %s in container %q, hides what %s has there",
					in.PathKey, m.Name, path.Clean(m.MountPath), c.Name, in.Artifact))
			}
		}
	}
}
