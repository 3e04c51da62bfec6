package inject

import (
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// sidecarMounts are the volumes of inputs and outputs in the sidecar, each once.
type sidecarMounts []corev1.VolumeMount

// of returns where the sidecar sees the volume of a place, mounting it there, and the path of the place below that. Inputs,
// which need to write, come before outputs, which do not.
func (mounts *sidecarMounts) of(at place, readOnly bool) (mount, below string) {
	i := slices.IndexFunc(*mounts, func(m corev1.VolumeMount) bool { return m.Name == at.volume && m.SubPath == at.subPath })
	if i < 0 {
		i = len(*mounts)
		*mounts = append(*mounts, corev1.VolumeMount{
			Name: at.volume, SubPath: at.subPath, MountPath: path.Join(handoff.VolumeDir, strconv.Itoa(i)), ReadOnly: readOnly,
		})
	}
	return (*mounts)[i].MountPath, escape(strings.TrimPrefix(at.rest, "/"))
}
