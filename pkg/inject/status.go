package inject

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// writeMetadata marks the pod and tells people what was done. Neither is ever read back.
func (d decision) writeMetadata(meta *metav1.ObjectMeta) {
	metav1.SetMetaDataLabel(meta, v1alpha1.InjectedLabel, "true")
	metav1.SetMetaDataAnnotation(meta, v1alpha1.StatusAnnotation, d.summary())
}

// summary is one sentence, such as: wrapped app; pulls a:latest to /data; pushes b:latest from /oras/out; registry
// oras.default.svc:5000
func (d decision) summary() string {
	var names []string
	for _, c := range d.wrapped {
		names = append(names, c.Name)
	}
	parts := []string{"wrapped " + strings.Join(names, ", ")}
	for _, in := range d.plan.Inputs {
		where := in.Path
		if where == "" {
			where = "the working directory"
		}
		parts = append(parts, fmt.Sprintf("pulls %s to %s", in.Artifact, where))
	}
	for _, out := range d.outputs {
		parts = append(parts, fmt.Sprintf("pushes %s from %s", out.Artifact, out.Path))
	}
	return strings.Join(append(parts, "registry "+d.opts.Registry.Host), "; ")
}

// probeWarnings tells of what Kubernetes does to a container while its command still waits for the inputs.
func probeWarnings(d decision) []string {
	if len(d.plan.Inputs) == 0 {
		return nil
	}
	var warnings []string
	for _, c := range d.wrapped {
		if c.LivenessProbe != nil || c.StartupProbe != nil {
			warnings = append(warnings, fmt.Sprintf("container %q is probed while its inputs are pulled; let its startupProbe allow for that time, or the container is restarted", c.Name))
		}
		if hasPostStart(c.Lifecycle) {
			warnings = append(warnings, fmt.Sprintf("container %q has a postStart hook, which runs before its inputs are there", c.Name))
		}
	}
	return warnings
}

func hasPostStart(l *corev1.Lifecycle) bool { return l != nil && l.PostStart != nil }
