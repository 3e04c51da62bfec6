package inject

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/converged-computing/oras-operator/pkg/plan"
)

// acceptsInput tells whether the sidecar may write to the volume, and notes why not.
func acceptsInput(in plan.Input, at place, volumes []corev1.Volume, ps *problems) bool {
	i := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == at.volume })
	if i < 0 {
		return true // added by the operator, or missing, which Kubernetes itself refuses
	}
	why := unwritable(volumes[i].VolumeSource)
	if why != "" {
		ps.of(in.PathKey, "%q is on volume %q, which %s; choose another path, or another volume for it", in.Path, at.volume, why)
	}
	return why == ""
}

// unwritable says why nothing can be written to a volume, whatever its mounts say; empty where something can.
func unwritable(v corev1.VolumeSource) string {
	switch {
	case v.ConfigMap != nil:
		return "is a configMap and read-only"
	case v.Secret != nil:
		return "is a secret and read-only"
	case v.Projected != nil:
		return "is projected and read-only"
	case v.DownwardAPI != nil:
		return "is a downwardAPI volume and read-only"
	case v.Image != nil:
		return "is an image and read-only"
	case v.HostPath != nil:
		return "is a directory of the node (hostPath), to which steps write no inputs"
	case v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ReadOnly,
		v.CSI != nil && v.CSI.ReadOnly != nil && *v.CSI.ReadOnly,
		v.NFS != nil && v.NFS.ReadOnly:
		return "is declared readOnly"
	}
	return ""
}

// inMemory is how much the volumes in memory that inputs go to may hold.
func (ins *inputs) inMemory(volumes []corev1.Volume) resource.Quantity {
	var sum resource.Quantity
	for _, v := range volumes {
		switch dir := v.EmptyDir; {
		case dir == nil || dir.Medium != corev1.StorageMediumMemory || !slices.Contains(ins.filled, v.Name):
		case dir.SizeLimit == nil:
			ins.warnings = append(ins.warnings, fmt.Sprintf("volume %q is in memory and has no sizeLimit: inputs of more than %s get the sidecar killed, which fills it; set a sizeLimit, and the sidecar may use as much",
				v.Name, sidecarMemory))
		default:
			sum.Add(*dir.SizeLimit)
		}
	}
	return sum
}

func emptyDir(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}

func (d *decision) writeVolumes(spec *corev1.PodSpec) {
	if !d.unwrapped {
		spec.Volumes = append(spec.Volumes, emptyDir(binVolume))
	}
	spec.Volumes = append(spec.Volumes, emptyDir(runVolume))
	spec.Volumes = append(spec.Volumes, d.inputs.volumes...)
	for _, h := range d.access() {
		spec.Volumes = append(spec.Volumes, h.volume)
	}
	if slices.ContainsFunc(d.chosen, func(c *corev1.Container) bool { return d.outputs.useOutDir(c.Name) }) {
		spec.Volumes = append(spec.Volumes, emptyDir(outVolume))
	}
}
