package webhook

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/plan"
)

func metadata(meta metav1.ObjectMeta) plan.Metadata {
	return plan.Metadata{Labels: meta.Labels, Annotations: meta.Annotations}
}

// isMirror tells whether a pod only stands for one that a kubelet runs from a file, as it is written there.
func isMirror(meta metav1.ObjectMeta) bool {
	_, mirror := meta.Annotations[corev1.MirrorPodAnnotationKey]
	return mirror
}

// inherit gives a template the keys of its Job that it lacks.
func inherit(template *metav1.ObjectMeta, job metav1.ObjectMeta) {
	keys := metadata(*template).Inherit(metadata(job))
	template.Labels, template.Annotations = keys.Labels, keys.Annotations
}
