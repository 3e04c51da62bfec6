package webhook

import (
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func TestNodesThatCannotRunASidecar(t *testing.T) {
	cluster := fake.NewClientBuilder().WithObjects(
		node("old", "amd64", "v1.28.15"), node("new", "arm64", "v1.29.0-eks-1"), node("newer", "arm64", "v1.37.2"),
	).Build()
	known := nodes{cluster}
	on := func(pool string) corev1.PodSpec { return corev1.PodSpec{NodeSelector: map[string]string{"pool": pool}} }
	for title, test := range map[string]struct {
		pod      corev1.PodSpec
		warnings []string
		err      error
		archs    []string
	}{
		"some": {
			warnings: []string{"1 of 3 nodes that the pod may run on have a kubelet older than Kubernetes 1.29.0, where the step would never start: old (v1.28.15); keep it off them by nodeSelector"},
			archs:    []string{"amd64", "arm64"},
		},
		"all":                   {pod: on("old"), err: ErrRefused, archs: []string{"amd64"}},
		"none":                  {pod: on("new"), archs: []string{"arm64"}},
		"there is no such node": {pod: on("autoscaled"), archs: nil},
		"an architecture is asked for": {
			pod: corev1.PodSpec{NodeSelector: map[string]string{corev1.LabelArchStable: "arm64"}}, archs: []string{"arm64"},
		},
	} {
		t.Run(title, func(t *testing.T) {
			warnings, err := known.check(t.Context(), test.pod)
			assert.ErrorIs(t, err, test.err)
			assert.DeepEqual(t, warnings, test.warnings)
			archs, err := known.architectures(t.Context(), test.pod)
			assert.NilError(t, err)
			assert.DeepEqual(t, archs, test.archs)
		})
	}
}
