package inject

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// Where automounting is not off, the API server mounts a token of the pod's ServiceAccount into every container that has nothing
// at its directory: from a volume whose name begins so, and which holds a token that is good for this long
// (plugin/pkg/admission/serviceaccount).
const (
	apiTokenVolume        = "kube-api-access-"
	apiTokenDir           = "/var/run/secrets/kubernetes.io/serviceaccount"
	apiTokenSeconds int64 = 3607
)

// mountAPIToken mounts the token into the injected containers of a pod that looks as if the API server had mounted it into the
// user's. It would do so into ours as well, and then, since the pod has changed, ask us about it once more.
func mountAPIToken(injected []corev1.Container, spec corev1.PodSpec) {
	i := slices.IndexFunc(spec.Volumes, isAPIToken)
	if i < 0 || !ptr.Deref(spec.AutomountServiceAccountToken, true) || !allHaveAPIToken(spec) {
		return
	}
	for c := range injected {
		injected[c].VolumeMounts = append(injected[c].VolumeMounts,
			corev1.VolumeMount{Name: spec.Volumes[i].Name, ReadOnly: true, MountPath: apiTokenDir})
	}
}

func isAPIToken(v corev1.Volume) bool {
	return strings.HasPrefix(v.Name, apiTokenVolume) && v.Projected != nil &&
		slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool {
			return s.ServiceAccountToken != nil && ptr.Deref(s.ServiceAccountToken.ExpirationSeconds, 0) == apiTokenSeconds
		})
}

// allHaveAPIToken tells whether each of the user's containers has something at the token's directory, as the API server leaves
// them. Where one has not, it came later, or a token of that name is mounted by hand, and not for the sidecar.
func allHaveAPIToken(spec corev1.PodSpec) bool {
	return !slices.ContainsFunc(slices.Concat(spec.InitContainers, spec.Containers), func(c corev1.Container) bool {
		return !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == apiTokenDir })
	})
}
