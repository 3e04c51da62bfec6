package webhook

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// outdated warns of what is injected already and does something else than it would if it were injected now.
func (m Mutator) outdated(ctx context.Context, pod corev1.PodTemplateSpec, namespace string) []string {
	p, _, err := plan.Parse(metadata(pod.ObjectMeta))
	if err != nil {
		return []string{fmt.Sprintf("the pod was injected before its keys were changed, and does what they said then: %v", err)}
	}
	var warnings []string
	if registry := inject.Elsewhere(pod.Spec, p, namespace); registry != "" {
		warnings = append(warnings, fmt.Sprintf("%s: the pod was injected for another namespace than %q, and uses the registry there, %s; create it from a manifest that was not injected, or have operator inject --namespace=%s do it",
			v1alpha1.KeyCache, namespace, registry, namespace))
	} else if fields := m.shutOut(ctx, pod.Spec, p, namespace); len(fields) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s: the pod was injected before %s of OrasCache %q changed, and will not reach the registry or not be let in; create it from a manifest that was not injected",
			v1alpha1.KeyCache, strings.Join(fields, " and "), p.Cache))
	}
	if keys := inject.Outdated(pod.Spec, p); len(keys) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s: changed in a pod that was injected before, and does what it said then; create it from a manifest that was not injected", strings.Join(keys, ", ")))
	}
	return warnings
}

// shutOut lists the fields of the pod's OrasCache by which it is shut out. Where the OrasCache cannot be asked nothing is known.
func (m Mutator) shutOut(ctx context.Context, pod corev1.PodSpec, p plan.Plan, namespace string) []string {
	if p.Registry != "" {
		return nil
	}
	registry, _, err := m.FindCache(ctx, namespace, p.Cache)
	if err != nil {
		return nil
	}
	return inject.ShutOut(pod, p, registry)
}
