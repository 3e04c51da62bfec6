package inject_test

import (
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
)

// A launcher and its workers may be made with the same annotations; a Job of one role cannot mean another one's container.
func TestAPodInAnotherRoleThanTheStepsIsLeftAlone(t *testing.T) {
	for name, label := range map[string]string{
		"a JobSet":     "jobset.sigs.k8s.io/replicatedjob-name",
		"an MPIJob":    "training.kubeflow.org/job-role",
		"a PyTorchJob": "training.kubeflow.org/replica-type",
	} {
		t.Run(name, func(t *testing.T) {
			pod := read(t, "denied-no-such-container", "input.yaml")
			pod.Annotations["oras.converged-computing.github.io/container"] = "launcher"
			pod.Labels = map[string]string{label: "w"}
			got, warnings, err := step(t, pod)
			assert.NilError(t, err)
			assert.DeepEqual(t, got, pod)
			assert.DeepEqual(t, warnings, []string{
				"container: a pod of this role has no launcher (it has app, log), so it is no step: it waits for no inputs, and nothing of it is pushed",
			})
			pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "launcher", Command: []string{"true"}})
			got, _, err = step(t, pod)
			assert.NilError(t, err)
			assert.Assert(t, len(got.Spec.InitContainers) > 0)
		})
	}
}
