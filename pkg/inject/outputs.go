package inject

import (
	"cmp"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// outputs is what is pushed after each container's command.
type outputs []handoff.Output

// placeOutputs gives each output its container and its path. The shim lends the files; where they may be wanted when
// there is no shim any more, or where there is none at all, the sidecar gets the volume that they lie on.
func (d *decision) placeOutputs(volumes []corev1.Volume, ps *problems) outputs {
	var outs outputs
	inOutDir := "" // the first container that has one there
	for _, out := range d.makers(ps) {
		step := handoff.Output{
			Container: out.Container,
			Artifact:  out.Artifact,
			Path:      cmp.Or(out.Path, handoff.OutDir),
			On:        handoff.When(d.plan.OutputOn),
			Empty:     handoff.Empty(d.plan.OutputEmpty),
		}
		if d.unwrapped {
			step.On = handoff.OnAlways // nobody sees how the command ends
		}
		if plan.Within(step.Path, handoff.OutDir) {
			inOutDir = cmp.Or(inOutDir, step.Container)
			if inOutDir != step.Container {
				ps.of(out.PathKey, "containers %q and %q would share %s, which is emptied when either starts; give one of them an output path of its own",
					inOutDir, step.Container, handoff.OutDir)
			}
		}
		if step.On == handoff.OnFailure || step.On == handoff.OnAlways {
			step.Mount, step.Below = d.outputMount(out, step.Path, volumes, ps)
		}
		outs = append(outs, step)
	}
	return outs
}

// makers lists the outputs of every container, each with the name of its container.
func (d *decision) makers(ps *problems) []plan.Output {
	var made []plan.Output
	keys := map[string]string{} // of the artifacts
	for _, wanted := range d.plan.Outputs {
		for _, container := range d.makersOf(wanted, ps) {
			out := wanted.Fill(placeholder.Values{placeholder.Container: container})
			out.Container = container
			if twin, ok := keys[out.Artifact]; ok {
				ps.of(out.Key, "in container %q, %q is the same artifact as %s; give each output its own", container, out.Artifact, twin)
			} else {
				keys[out.Artifact] = out.Key
			}
			made = append(made, out)
		}
	}
	return made
}

// makersOf names the containers that make an output.
func (d *decision) makersOf(out plan.Output, ps *problems) []string {
	names := namesOf(d.chosen)
	switch {
	case len(names) == 0: // which is a problem already
		return nil
	case out.Container != "" && !slices.Contains(names, out.Container):
		ps.of(out.ContainerKey, "%q is not wrapped; name a wrapped container, or add this one to the key container", out.Container)
		return nil
	case out.Container != "":
		return []string{out.Container}
	case len(names) > 1 && !slices.Contains(placeholder.In(out.Artifact), placeholder.Container):
		ps.of(out.Key, "several containers are wrapped; say with %s which of them makes %q, or write {container} into it for one of each", out.ContainerKey, out.Artifact)
		return nil
	}
	return names
}

// outputMount is where the sidecar sees an output. Where it cannot, that is a problem of unwrapped containers alone. It gets
// no directory of the node: policies keep them from pods, and who made the pod may not want it to have one more reader.
func (d *decision) outputMount(out plan.Output, p string, volumes []corev1.Volume, ps *problems) (mount, below string) {
	at, ok := d.locateOutput(out.Container, p)
	ofNode := slices.ContainsFunc(volumes, func(v corev1.Volume) bool { return v.Name == at.volume && v.HostPath != nil })
	switch {
	case ok && !ofNode:
		return d.mounts.of(at, true)
	case ok && d.unwrapped:
		ps.of(out.PathKey, "%q is on volume %q, a directory of the node (hostPath), which the sidecar does not get; choose another volume", out.Path, at.volume)
		return "", ""
	}
	if d.unwrapped {
		ps.of(out.PathKey, "%q is not on one volume of container %q, and nobody lends the sidecar what else an unwrapped container has; mount a volume there, name it by an absolute path, or remove the key and write to %s",
			out.Path, out.Container, handoff.OutDir)
	}
	return "", ""
}

// locateOutput finds the one volume on which all of an output lies.
func (d *decision) locateOutput(container, p string) (place, bool) {
	if plan.Within(p, handoff.OutDir) {
		return place{volume: outVolume, rest: strings.TrimPrefix(p, handoff.OutDir)}, true
	}
	c := d.chosen[slices.Index(namesOf(d.chosen), container)]
	p = resolve(*c, p)
	mounts := d.mountsOf(c)
	m := longest(mounts, fixed(p))
	below := slices.ContainsFunc(mounts, func(n corev1.VolumeMount) bool {
		return mountPath(n) != fixed(p) && plan.Within(mountPath(n), fixed(p))
	})
	if !path.IsAbs(p) || m == nil || m.SubPathExpr != "" || below {
		return place{}, false
	}
	return placeOn(*m, p), true
}

// durable lists the paths of a container's outputs where all of them outlive a restart of it, which is on volumes.
func (d *decision) durable(c corev1.Container) []string {
	var paths []string
	for _, out := range d.outputs.of(c.Name) {
		p := resolve(c, out.Path)
		onVolume := path.IsAbs(p) && longest(d.mountsOf(&c), fixed(p)) != nil
		if !onVolume && !plan.Within(p, handoff.OutDir) {
			return nil
		}
		paths = append(paths, out.Path)
	}
	return paths
}

// mountsOf are the volumes that the container has, or will have for its inputs.
func (d *decision) mountsOf(c *corev1.Container) []corev1.VolumeMount {
	return slices.Concat(c.VolumeMounts, d.inputs.appMounts)
}

// of returns the outputs of one container, in order.
func (outs outputs) of(container string) outputs {
	return slices.DeleteFunc(slices.Clone(outs), func(o handoff.Output) bool { return o.Container != container })
}

// useOutDir tells whether the container has an output in handoff.OutDir.
func (outs outputs) useOutDir(container string) bool {
	return slices.ContainsFunc(outs.of(container), func(o handoff.Output) bool { return plan.Within(o.Path, handoff.OutDir) })
}
