package inject

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// writeMetadata marks the pod and tells people what was done. Neither is ever read back.
func (d *decision) writeMetadata(meta *metav1.ObjectMeta) {
	metav1.SetMetaDataLabel(meta, v1alpha1.InjectedLabel, "true")
	metav1.SetMetaDataAnnotation(meta, v1alpha1.StatusAnnotation, d.summary())
}

// summary is one sentence, such as: wrapped app; pulls a:latest to /data; pushes b:latest from /oras/out; registry
// oras.default.svc:5000
func (d *decision) summary() string {
	parts := []string{"wrapped " + strings.Join(namesOf(d.chosen), ", ")}
	if d.unwrapped {
		parts[0] = "not " + parts[0]
	}
	for _, in := range d.plan.Inputs[:min(len(d.plan.Inputs), maxListed)] {
		parts = append(parts, fmt.Sprintf("pulls %s to %s", in.Artifact, orWorkingDirectory(in.Path)))
	}
	if more := len(d.plan.Inputs) - maxListed; more > 0 {
		parts = append(parts, fmt.Sprintf("pulls %d more", more))
	}
	for _, out := range d.outputs[:min(len(d.outputs), maxListed)] {
		parts = append(parts, fmt.Sprintf("pushes %s from %s", out.Artifact, out.Path))
	}
	if more := len(d.outputs) - maxListed; more > 0 {
		parts = append(parts, fmt.Sprintf("pushes %d more", more))
	}
	return strings.Join(append(parts, "registry "+d.opts.Registry.Host), "; ")
}
