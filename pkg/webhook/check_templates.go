package webhook

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// checkTemplates refuses a workload that makes pods of a template with keys that no step can have, before the workload makes
// the first. Warnings are for its author. What only the moment of a pod's creation can tell, such as whether the OrasCache is
// there, is not looked at.
func (m Mutator) checkTemplates(ctx context.Context, raw []byte, namespace string) ([]string, error) {
	found, err := templates(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	later := m
	later.CheckNodes, later.FindBounds, later.later = nil, nil, true
	later.FindCommand = func(context.Context, string, corev1.PodSpec, string) inject.ImageCommand {
		return inject.ImageCommand{Entrypoint: []string{"of the image"}}
	}
	var warnings []string
	var reasons []error
	marked, steps := false, false
	for _, t := range found.templates {
		out, more, err := later.step(ctx, t.PodTemplateSpec, namespace, t.several)
		marked = marked || metadata(t.ObjectMeta).Marked()
		steps = steps || inject.Injected(out.Spec)
		for _, warning := range more {
			warnings = append(warnings, t.path+": "+warning)
		}
		var wrong *refusal
		switch {
		case errors.As(err, &wrong):
			for _, reason := range wrong.reasons {
				reasons = append(reasons, fmt.Errorf("%s: %w", t.path, reason))
			}
		case err != nil:
			return warnings, err
		}
	}
	if marked && !steps && len(reasons) == 0 { // all of them are pods in another role than the step's
		reasons = append(reasons, &plan.Problem{
			Key: v1alpha1.KeyContainer, Text: fmt.Sprintf("no pod that the %s makes has such a container; name one that the pods of some role have", found.kind),
		})
	}
	if keys := metadata(found.own).Keys(); len(keys) > 0 {
		warnings = append(warnings, fmt.Sprintf("metadata: %s: has no effect on the %s itself; write it into %s",
			strings.Join(keys, ", "), found.kind, found.where))
	}
	return warnings, refused(errors.Join(reasons...))
}
