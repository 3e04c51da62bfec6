package inject

import (
	"slices"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// fill fills in what is known at admission: the namespace, and the name of the container where the step has one only.
func (d *decision) fill(p plan.Plan, ps *problems) plan.Plan {
	values := placeholder.Values{}
	if d.opts.Namespace != "" {
		values[placeholder.Namespace] = d.opts.Namespace
	}
	names := namesOf(d.chosen)
	if len(names) == 1 {
		values[placeholder.Container] = names[0]
	}
	p = p.Fill(values)
	if len(names) > 1 {
		ps.ambiguous(p, strings.Join(names, ", "))
	}
	return p
}

// ambiguous finds a {container} of which it cannot be told which container it is, or that is missing where each of
// several would need its own.
func (ps *problems) ambiguous(p plan.Plan, names string) {
	const remedy = "holds {container}, and an input is for all of several containers (%s); write the name out"
	for _, in := range p.Inputs {
		if holdsContainer(in.Artifact) {
			ps.of(in.Key, "%q "+remedy, in.Artifact, names)
		}
		if holdsContainer(in.Path) {
			ps.of(in.PathKey, "%q "+remedy, in.Path, names)
		}
	}
	if p.OutputPipe != "" && !holdsContainer(p.OutputPipe) {
		ps.of(v1alpha1.KeyOutputPipe, "%q would be the file of several containers (%s); write {container} into it, or wrap one only", p.OutputPipe, names)
	}
}

func holdsContainer(text string) bool {
	return slices.Contains(placeholder.In(text), placeholder.Container)
}
