package inject

import (
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

// of adds a problem that is a key's.
func (ps *problems) of(key, format string, args ...any) {
	*ps = append(*ps, &plan.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
}

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
	if onlyWindows(spec.Affinity) {
		ps.add("spec.affinity.nodeAffinity allows nodes with %s=%s only: %s", corev1.LabelOSStable, corev1.Windows, remedy)
	}
}

// onlyWindows tells whether every alternative of the required node affinity asks for Windows.
func onlyWindows(affinity *corev1.Affinity) bool {
	if affinity == nil || affinity.NodeAffinity == nil || affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return false
	}
	terms := affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	other := func(term corev1.NodeSelectorTerm) bool {
		return !slices.ContainsFunc(term.MatchExpressions, func(r corev1.NodeSelectorRequirement) bool {
			return r.Key == corev1.LabelOSStable && r.Operator == corev1.NodeSelectorOpIn && slices.Equal(r.Values, []string{string(corev1.Windows)})
		})
	}
	return len(terms) > 0 && !slices.ContainsFunc(terms, other)
}

// unresolvable finds pods that ask a DNS server which does not know the registry's Service.
func (ps *problems) unresolvable(spec corev1.PodSpec, registry string) {
	host, _, _ := strings.Cut(registry, ":")
	if !strings.HasSuffix(host, ".svc") {
		return
	}
	const remedy = "the node's DNS does not know the registry, %s; set spec.dnsPolicy to %s"
	switch {
	case spec.DNSPolicy == corev1.DNSDefault:
		ps.add("spec.dnsPolicy is %q: "+remedy, spec.DNSPolicy, host, corev1.DNSClusterFirst)
	case spec.HostNetwork && (spec.DNSPolicy == "" || spec.DNSPolicy == corev1.DNSClusterFirst):
		ps.add("spec.hostNetwork is true: "+remedy, host, corev1.DNSClusterFirstWithHostNet)
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
		if plan.Within(path.Clean(m.MountPath), handoff.Root) {
			ps.add("container %q: volumeMounts[%d].mountPath: %q is in %s, where the operator mounts its own volumes; choose another path",
				c.Name, i, m.MountPath, handoff.Root)
		}
	}
}

// check finds what is wrong with the containers of the step, in the light of what is decided.
func (d *decision) check(spec corev1.PodSpec, ps *problems) {
	for _, c := range d.chosen {
		ps.reservedPaths(c)
		d.checkPipe(*c, ps)
		if len(c.Command) == 0 && !d.unwrapped {
			d.checkImage(*c, ps)
		}
	}
	if d.unwrapped {
		d.unguarded(spec, ps)
	}
}

// checkPipe finds a file for standard output in a directory that the container does not have.
func (d *decision) checkPipe(c corev1.Container, ps *problems) {
	if plan.Within(d.plan.OutputPipe, handoff.OutDir) && !d.outputs.useOutDir(c.Name) {
		ps.of(v1alpha1.KeyOutputPipe, "%q is in %s, which container %q has for outputs without a path, and none of its outputs is such; choose another path",
			d.plan.OutputPipe, handoff.OutDir, c.Name)
	}
}
