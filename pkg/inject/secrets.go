package inject

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// dockerConfig is the Docker configuration in its directory.
const dockerConfig = "config.json"

// The user's Secrets reach the sidecar as files, and it alone: never a command line, never the environment, never the
// application. The kubelet keeps the files up to date.

// secretVolumes are those of the plan's Secrets.
func (d *decision) secretVolumes() []corev1.Volume {
	switch {
	case d.plan.Credentials != "":
		return []corev1.Volume{{Name: credentialsVolume, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: d.plan.Credentials,
			Items:      []corev1.KeyToPath{{Key: corev1.DockerConfigJsonKey, Path: dockerConfig}},
		}}}}
	case d.plan.OrasEnv != "":
		return []corev1.Volume{{Name: loginVolume, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: d.plan.OrasEnv,
		}}}}
	}
	return nil
}

func (d *decision) secretMounts() []corev1.VolumeMount {
	switch {
	case d.plan.Credentials != "":
		return []corev1.VolumeMount{{Name: credentialsVolume, MountPath: handoff.CredentialsDir, ReadOnly: true}}
	case d.plan.OrasEnv != "":
		return []corev1.VolumeMount{{Name: loginVolume, MountPath: handoff.LoginDir, ReadOnly: true}}
	}
	return nil
}
