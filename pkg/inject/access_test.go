package inject_test

import (
	"slices"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
)

func TestOnlyTheSidecarHasWhatLetsItIn(t *testing.T) {
	found := map[string]bool{}
	for _, name := range accepted(t) {
		spec := read(t, name, "golden.yaml").Spec
		for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
			for _, m := range c.VolumeMounts {
				if slices.Contains([]string{"oras-access", "oras-credentials", "oras-login"}, m.Name) {
					found[m.Name] = true
					assert.Equal(t, c.Name, "oras", name)
					assert.Assert(t, m.ReadOnly, name)
				}
			}
		}
	}
	assert.Equal(t, len(found), 3)
}

// The kubelet takes the mode as it is, but for a token where it gives that to the one user or the group of the pod.
func TestAnySidecarCanReadItsToken(t *testing.T) {
	spec := read(t, "a-token-of-the-pods-service-account", "golden.yaml").Spec
	i := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == "oras-access" })
	assert.Equal(t, *spec.Volumes[i].Projected.DefaultMode, int32(0o444))
}
