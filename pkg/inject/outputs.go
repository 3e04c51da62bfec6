package inject

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// outputs is what is pushed after each container's command.
type outputs []handoff.Output

// placeOutputs gives each output its container and its path. Nothing is mounted for them: the shim lends the files.
func placeOutputs(wanted []plan.Output, wrapped []*corev1.Container, ps *problems) outputs {
	if len(wrapped) == 0 {
		return nil
	}
	var outs outputs
	for _, out := range wanted {
		container, ok := containerOf(out, wrapped, ps)
		if !ok {
			continue
		}
		p := out.Path
		if p == "" {
			p = handoff.OutDir
		}
		other := slices.IndexFunc(outs, func(o handoff.Output) bool { return within(o.Path, handoff.OutDir) && o.Container != container })
		if within(p, handoff.OutDir) && other >= 0 {
			ps.add("%s: containers %q and %q would share %s, which is emptied when either starts; give one of them an output path of its own",
				out.PathKey, outs[other].Container, container, handoff.OutDir)
		}
		outs = append(outs, handoff.Output{Container: container, Artifact: out.Artifact, Path: p})
	}
	return outs
}

func containerOf(out plan.Output, wrapped []*corev1.Container, ps *problems) (string, bool) {
	if out.Container == "" && len(wrapped) == 1 {
		return wrapped[0].Name, true
	}
	if out.Container == "" {
		ps.add("%s: several containers are wrapped; say with %s which of them makes %q", out.Key, out.ContainerKey, out.Artifact)
		return "", false
	}
	if !slices.ContainsFunc(wrapped, func(c *corev1.Container) bool { return c.Name == out.Container }) {
		ps.add("%s: %q is not wrapped; name a wrapped container, or add this one to the key container", out.ContainerKey, out.Container)
		return "", false
	}
	return out.Container, true
}

// of returns the outputs of one container, in order.
func (outs outputs) of(container string) outputs {
	return slices.DeleteFunc(slices.Clone(outs), func(o handoff.Output) bool { return o.Container != container })
}

// useOutDir tells whether the container has an output in handoff.OutDir.
func (outs outputs) useOutDir(container string) bool {
	return slices.ContainsFunc(outs.of(container), func(o handoff.Output) bool { return within(o.Path, handoff.OutDir) })
}
