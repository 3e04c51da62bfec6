package inject

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// JobSetRole is the label by which a JobSet tells the roles of its Jobs and pods apart.
const JobSetRole = "jobset.sigs.k8s.io/replicatedjob-name"

// RoleLabels are on pods that a controller makes in several roles, such as launchers and workers, and may give the same
// labels and annotations to all of: JobSet, and the MPI and training operators of Kubeflow.
func RoleLabels() []string {
	return []string{JobSetRole, "training.kubeflow.org/job-role", "training.kubeflow.org/replica-type"}
}

// Bystander tells whether the step is that of pods in another role: the pod has none of the containers that its keys name. In
// any other pod such a name is a mistake.
func Bystander(pod corev1.PodTemplateSpec, p plan.Plan) bool {
	hasRole := slices.ContainsFunc(RoleLabels(), func(label string) bool { _, ok := pod.Labels[label]; return ok })
	return hasRole && len(p.Containers) > 0 && !slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool {
		return slices.Contains(p.Containers, c.Name)
	})
}

func bystanderWarning(pod corev1.PodTemplateSpec, p plan.Plan) string {
	return fmt.Sprintf("%s: a pod of this role has no %s (it has %s), so it is no step: it waits for no inputs, and nothing of it is pushed",
		v1alpha1.KeyContainer, strings.Join(p.Containers, ", "), list(pod.Spec.Containers))
}
