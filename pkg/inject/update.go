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
	graceKept := ptr.Equal(update.Spec.TerminationGracePeriodSeconds, old.Spec.TerminationGracePeriodSeconds)
	if !Injected(old.Spec) || Injected(update.Spec) && graceKept || !equality.Semantic.DeepEqual(original(update), original(old)) {
		return update, false
	}
	out := *update.DeepCopy()
	out.Spec = *old.Spec.DeepCopy()
	keepScheduling(&out.Spec, update.Spec)
	if seconds := update.Spec.TerminationGracePeriodSeconds; ptr.Deref(seconds, 0) > ptr.Deref(out.Spec.TerminationGracePeriodSeconds, 0) {
		out.Spec.TerminationGracePeriodSeconds = seconds
	}
	metav1.SetMetaDataLabel(&out.ObjectMeta, v1alpha1.InjectedLabel, "true")
	if status, ok := old.Annotations[v1alpha1.StatusAnnotation]; ok {
		metav1.SetMetaDataAnnotation(&out.ObjectMeta, v1alpha1.StatusAnnotation, status)
	}
	return out, true
}

// original is the spec as its user wrote it, as far as that can be told and compared.
func original(pod corev1.PodTemplateSpec) corev1.PodSpec {
	stripped, _ := strip(pod)
	spec := stripped.Spec
	for i := range spec.Containers {
		c := &spec.Containers[i]
		c.Command, c.Args = slices.Concat(c.Command, c.Args), nil
		c.Env = slices.DeleteFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == inputPathEnv || v.Name == outputPathEnv })
	}
	spec.TerminationGracePeriodSeconds, spec.Resources = nil, nil // raised when injected, from what is not known
	keepScheduling(&spec, corev1.PodSpec{})
	return spec
}

// keepScheduling takes from the update what Kubernetes lets change in a suspended Job's template.
func keepScheduling(spec *corev1.PodSpec, update corev1.PodSpec) {
	spec.NodeSelector = update.NodeSelector
	spec.Affinity = update.Affinity
	spec.Tolerations = update.Tolerations
	spec.SchedulingGates = update.SchedulingGates
}
