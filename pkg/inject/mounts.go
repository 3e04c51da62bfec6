package inject

import (
	"path"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// sidecarMounts are the volumes of inputs and outputs in the sidecar, each once.
type sidecarMounts []corev1.VolumeMount

// path returns the path at which the sidecar sees the place, mounting its volume there. Inputs, which need to write, come
// before outputs, which do not.
func (mounts *sidecarMounts) path(at place, readOnly bool) string {
	i := slices.IndexFunc(*mounts, func(m corev1.VolumeMount) bool { return m.Name == at.volume && m.SubPath == at.subPath })
	if i < 0 {
		i = len(*mounts)
		*mounts = append(*mounts, corev1.VolumeMount{
			Name: at.volume, SubPath: at.subPath, MountPath: path.Join(handoff.VolumeDir, strconv.Itoa(i)), ReadOnly: readOnly,
		})
	}
	return path.Join((*mounts)[i].MountPath, at.rest)
}
