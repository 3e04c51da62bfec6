package inject_test

import (
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// A pod made of a template that names a user which is not of its namespace's range would be refused.
func TestWhereUsersAreAssignedTheSidecarNamesNoneOfItsOwn(t *testing.T) {
	for name, tc := range map[string]struct {
		pod  *corev1.PodSecurityContext
		want *int64
	}{
		"none":         {nil, nil},
		"that of root": {&corev1.PodSecurityContext{RunAsUser: ptr.To[int64](0)}, ptr.To[int64](65532)},
		"another":      {&corev1.PodSecurityContext{RunAsUser: ptr.To[int64](1000680000)}, ptr.To[int64](1000680000)},
	} {
		t.Run(name, func(t *testing.T) {
			pod := read(t, "the-smallest-step", "input.yaml")
			pod.Spec.SecurityContext = tc.pod
			p, _, err := plan.Parse(plan.Metadata{Labels: pod.Labels, Annotations: pod.Annotations})
			assert.NilError(t, err)
			got, _, err := inject.Pod(pod, p, inject.Options{SidecarImage: "sidecar:test", AssignedUsers: true})
			assert.NilError(t, err)
			for _, c := range got.Spec.InitContainers {
				assert.DeepEqual(t, c.SecurityContext.RunAsUser, tc.want)
				assert.DeepEqual(t, c.SecurityContext.RunAsNonRoot, new(true))
			}
		})
	}
}
