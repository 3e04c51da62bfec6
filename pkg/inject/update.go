package inject

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Reapply is for a template that cannot change, such as a Job's, and a client that writes the manifest again as it was
// before it was injected: what was injected is gone from the update, in part or whole. If that is the only difference
// to the old template, Reapply returns the update with everything injected as it was, whichever version did it; else it
// returns false, and the update is not for the operator to mend.
//
// Of a step without shims nothing may be gone but the grace period that was raised.
//
// What Kubernetes lets change in the template of a suspended Job is taken from the update.
func Reapply(update, old corev1.PodTemplateSpec) (corev1.PodTemplateSpec, bool) {
	if !Injected(old.Spec) {
		return update, false
	}
	written := withoutLeftCommands(update, old)
	graceKept := ptr.Equal(update.Spec.TerminationGracePeriodSeconds, old.Spec.TerminationGracePeriodSeconds)
	if Injected(written.Spec) && graceKept || !equality.Semantic.DeepEqual(original(written), original(old)) || !keepsRaised(update.Spec, old) {
		return update, false
	}
	out := *update.DeepCopy()
	out.Spec = *old.Spec.DeepCopy()
	keepMutable(&out.Spec, update.Spec)
	if seconds := update.Spec.TerminationGracePeriodSeconds; ptr.Deref(seconds, 0) > ptr.Deref(out.Spec.TerminationGracePeriodSeconds, 0) {
		out.Spec.TerminationGracePeriodSeconds = seconds
	}
	metav1.SetMetaDataLabel(&out.ObjectMeta, v1alpha1.InjectedLabel, "true")
	if status, ok := old.Annotations[v1alpha1.StatusAnnotation]; ok {
		metav1.SetMetaDataAnnotation(&out.ObjectMeta, v1alpha1.StatusAnnotation, status)
	}
	return out, true
}

// withoutLeftCommands returns the update without the commands that were injected into containers whose manifest names arguments
// alone: clients put those back, and leave the command, which they know nothing of.
func withoutLeftCommands(update, old corev1.PodTemplateSpec) corev1.PodTemplateSpec {
	update = *update.DeepCopy()
	for i := range update.Spec.Containers {
		c := &update.Spec.Containers[i]
		n := slices.IndexFunc(old.Spec.Containers, func(o corev1.Container) bool { return o.Name == c.Name })
		if n < 0 || len(c.Args) == 0 || len(old.Spec.Containers[n].Args) > 0 || !slices.Equal(c.Command, old.Spec.Containers[n].Command) {
			continue
		}
		if call, wrapped := callOf(old.Spec.Containers[n]); wrapped {
			c.Command = call.Launcher
		}
	}
	return update
}

// keepsRaised tells whether the update has what is raised by an injection either as it is stored or as it was before; anything
// else is a change that is the user's.
func keepsRaised(update corev1.PodSpec, old corev1.PodTemplateSpec) bool {
	before, _ := strip(old)
	grace := currentGrace(update)
	graceKept := grace == currentGrace(old.Spec) || grace == currentGrace(before.Spec)
	raised := update.Resources.DeepCopy()
	makeRoom(raised, least(old.Spec.InitContainers), slices.ContainsFunc(old.Spec.InitContainers, isGate))
	resourcesKept := equality.Semantic.DeepEqual(update.Resources, old.Spec.Resources) || equality.Semantic.DeepEqual(raised, old.Spec.Resources)
	unknown := slices.ContainsFunc(old.Spec.InitContainers, isUnwrapped) // no shim was told the grace that there was
	return (graceKept || unknown) && resourcesKept
}

// original is the spec as its user wrote it, as far as that can be told and compared.
func original(pod corev1.PodTemplateSpec) corev1.PodSpec {
	stripped, _ := strip(pod)
	spec := stripped.Spec
	for i := range spec.Containers {
		c := &spec.Containers[i]
		c.Command, c.Args = slices.Concat(c.Command, c.Args), nil
		c.Env = slices.DeleteFunc(c.Env, isOurVariable)
	}
	spec.TerminationGracePeriodSeconds, spec.Resources = nil, nil // keepsRaised looks at them
	keepMutable(&spec, corev1.PodSpec{})
	return spec
}

// keepMutable takes from the update what Kubernetes lets change in a suspended Job's template. Resources are, since 1.36.
func keepMutable(spec *corev1.PodSpec, update corev1.PodSpec) {
	spec.NodeSelector = update.NodeSelector
	spec.Affinity = update.Affinity
	spec.Tolerations = update.Tolerations
	spec.SchedulingGates = update.SchedulingGates
	keepResources(spec.Containers, update.Containers)
	keepResources(spec.InitContainers, update.InitContainers)
}

// keepResources takes from the update the resources of the containers that the operator has not added; none where it lacks one.
func keepResources(containers, update []corev1.Container) {
	for i := range containers {
		if isInjected(containers[i]) {
			continue
		}
		containers[i].Resources = corev1.ResourceRequirements{}
		if n := slices.IndexFunc(update, func(c corev1.Container) bool { return c.Name == containers[i].Name }); n >= 0 {
			containers[i].Resources = update[n].Resources
		}
	}
}
