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
	steps         []handoff.Input
	volumes       []corev1.Volume      // added to the pod
	appMounts     []corev1.VolumeMount // of those volumes, in every wrapped container
	sidecarMounts []corev1.VolumeMount
	warnings      []string
}

// place is a directory within a volume.
type place struct {
	volume, subPath string
	rest            string // path below the mount; empty: the mount itself
}

// placeInputs decides for each input between a volume that the pod already has at its path, an emptyDir there, and the
// shim, which writes to paths that are relative to a working directory.
func placeInputs(wanted []plan.Input, wrapped []*corev1.Container, volumes []corev1.Volume, shared bool, ps *problems) inputs {
	if len(wrapped) == 0 {
		return inputs{}
	}
	var ins inputs
	roots := ins.addVolumes(uncovered(wanted, wrapped), ps)
	for _, in := range wanted {
		step := handoff.Input{Artifact: in.Artifact, Path: escape(in.Path), Wait: handoff.Duration(in.Wait)}
		if path.IsAbs(in.Path) {
			at, ok := locate(in, wrapped, roots, ps)
			if !ok || !acceptsInput(in, at, volumes, ps) {
				continue
			}
			step.Mount, step.Share = escape(ins.mount(at)), shared
			ins.warnHidden(in, wrapped)
		}
		ins.steps = append(ins.steps, step)
	}
	return ins
}

// uncovered lists the absolute paths that no volume of the pod is mounted at, without those below another.
func uncovered(wanted []plan.Input, wrapped []*corev1.Container) []plan.Input {
	var found []plan.Input
	for _, in := range wanted {
		if path.IsAbs(in.Path) && !slices.ContainsFunc(wrapped, func(c *corev1.Container) bool { return covering(c, in.Path) != nil }) {
			found = append(found, in)
		}
	}
	slices.SortStableFunc(found, func(a, b plan.Input) int { return strings.Compare(a.Path, b.Path) })
	var tops []plan.Input
	for _, in := range found {
		if !slices.ContainsFunc(tops, func(top plan.Input) bool { return within(in.Path, top.Path) }) {
			tops = append(tops, in)
		}
	}
	return tops
}

// addVolumes gives each path an emptyDir, mounted there in the wrapped containers.
func (ins *inputs) addVolumes(at []plan.Input, ps *problems) []corev1.VolumeMount {
	for i, in := range at {
		if strings.Contains(in.Path, ":") {
			ps.add(`%s: %q holds a ":", and Kubernetes mounts no volume at such a path; choose another`, in.PathKey, in.Path)
		}
		name := inVolume + strconv.Itoa(i)
		ins.volumes = append(ins.volumes, emptyDir(name))
		ins.appMounts = append(ins.appMounts, corev1.VolumeMount{Name: name, MountPath: in.Path})
	}
	return ins.appMounts
}

// locate finds the volume that all wrapped containers see at the input's path.
func locate(in plan.Input, wrapped []*corev1.Container, roots []corev1.VolumeMount, ps *problems) (place, bool) {
	var at place
	for i, c := range wrapped {
		m := covering(c, in.Path)
		if m == nil {
			m = longest(roots, in.Path)
		}
		if m != nil && m.SubPathExpr != "" {
			ps.add("%s: %q is on volume %q, which container %q mounts with subPathExpr; mount it with subPath instead", in.PathKey, in.Path, m.Name, c.Name)
			return place{}, false
		}
		next := place{}
		if m != nil {
			next = place{m.Name, m.SubPath, strings.TrimPrefix(in.Path, strings.TrimSuffix(path.Clean(m.MountPath), "/"))}
		}
		if i > 0 && next != at {
			ps.add("%s: %q is not on the same volume in the containers %q and %q; mount one volume there in all wrapped containers", in.PathKey, in.Path, wrapped[0].Name, c.Name)
			return place{}, false
		}
		at = next
	}
	return at, true
}

// mount returns the path at which the sidecar sees the place, mounting its volume there.
func (ins *inputs) mount(at place) string {
	i := slices.IndexFunc(ins.sidecarMounts, func(m corev1.VolumeMount) bool {
		return m.Name == at.volume && m.SubPath == at.subPath
	})
	if i < 0 {
		i = len(ins.sidecarMounts)
		ins.sidecarMounts = append(ins.sidecarMounts, corev1.VolumeMount{
			Name: at.volume, SubPath: at.subPath, MountPath: path.Join(handoff.InDir, strconv.Itoa(i)),
		})
	}
	return path.Join(ins.sidecarMounts[i].MountPath, at.rest)
}

// warnHidden tells of volumes of the user's below an input's path: what the artifact has there cannot be seen.
func (ins *inputs) warnHidden(in plan.Input, wrapped []*corev1.Container) {
	for _, c := range wrapped {
		for _, m := range c.VolumeMounts {
			if p := path.Clean(m.MountPath); p != in.Path && within(p, in.Path) {
				ins.warnings = append(ins.warnings, fmt.Sprintf("%s: volume %q, mounted at %s in container %q, hides what %s has there",
					in.PathKey, m.Name, p, c.Name, in.Artifact))
			}
		}
	}
}

// covering is the mount of the container that the path lies on; nil for none.
func covering(c *corev1.Container, p string) *corev1.VolumeMount { return longest(c.VolumeMounts, p) }

func longest(mounts []corev1.VolumeMount, p string) *corev1.VolumeMount {
	var best *corev1.VolumeMount
	for i, m := range mounts {
		if within(p, path.Clean(m.MountPath)) && (best == nil || len(m.MountPath) > len(best.MountPath)) {
			best = &mounts[i]
		}
	}
	return best
}
