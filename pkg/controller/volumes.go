package controller

import (
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Where a registry's pod has what. One projected volume holds all settings, so that what changes is there at once and whole.
const (
	dataVolume = "data"
	dataDir    = "/var/lib/registry"

	settingsVolume = "settings"
	settingsDir    = "/etc/oras-registry"
	settingsKey    = "config.yaml"
	settingsFile   = settingsDir + "/" + settingsKey

	secretKey = "http-secret"

	tlsCertKey = "tls.crt"
	tlsKeyKey  = "tls.key"
	tlsCAKey   = "ca.crt"
	certFile   = settingsDir + "/tls/" + tlsCertKey
	keyFile    = settingsDir + "/tls/" + tlsKeyKey

	htpasswdKey  = "htpasswd"
	htpasswdFile = settingsDir + "/" + htpasswdKey

	credentialsVolume = "s3-credentials"
	credentialsDir    = "/etc/oras-registry-s3"
)

// mounted is a volume of the registry's pod and where its container has it.
type mounted struct {
	volume *applycore.VolumeApplyConfiguration
	mount  *applycore.VolumeMountApplyConfiguration
}

// volumesOf returns all volumes of the registry's pod.
func volumesOf(cache *v1alpha1.OrasCache) []mounted {
	var all []mounted
	if storageOf(cache) != inBucket {
		all = append(all, mounted{data(cache), mountAt(dataVolume, dataDir)})
	}
	if sources := settingsSources(cache); len(sources) > 0 {
		volume := applycore.Volume().WithName(settingsVolume).
			WithProjected(applycore.ProjectedVolumeSource().WithSources(sources...))
		all = append(all, mounted{volume, mountAt(settingsVolume, settingsDir).WithReadOnly(true)})
	}
	if s3 := cache.Spec.Storage.S3; s3 != nil && s3.SecretName != "" && !isForeign(cache) {
		volume := applycore.Volume().WithName(credentialsVolume).
			WithSecret(applycore.SecretVolumeSource().WithSecretName(s3.SecretName))
		all = append(all, mounted{volume, mountAt(credentialsVolume, credentialsDir).WithReadOnly(true)})
	}
	return all
}

// settingsSources are the files of the settings volume. A foreign image has its settings as variables, but for these files.
func settingsSources(cache *v1alpha1.OrasCache) []*applycore.VolumeProjectionApplyConfiguration {
	var sources []*applycore.VolumeProjectionApplyConfiguration
	if !isForeign(cache) {
		sources = append(sources,
			applycore.VolumeProjection().WithConfigMap(applycore.ConfigMapProjection().
				WithName(registryName(cache)).
				WithItems(item(settingsKey, settingsKey))),
			fromSecret(registryName(cache), item(secretKey, secretKey)))
	}
	if cache.UsesTLS() {
		sources = append(sources, fromSecret(certificateName(cache),
			item(tlsCertKey, "tls/"+tlsCertKey), item(tlsKeyKey, "tls/"+tlsKeyKey)))
	}
	if cache.AuthMode() == v1alpha1.AuthHtpasswd {
		sources = append(sources, fromSecret(htpasswdName(cache), item(htpasswdKey, htpasswdKey)))
	}
	return sources
}

func fromSecret(name string, items ...*applycore.KeyToPathApplyConfiguration) *applycore.VolumeProjectionApplyConfiguration {
	return applycore.VolumeProjection().WithSecret(applycore.SecretProjection().WithName(name).WithItems(items...))
}

func item(key, path string) *applycore.KeyToPathApplyConfiguration {
	return applycore.KeyToPath().WithKey(key).WithPath(path)
}

func mountAt(volume, path string) *applycore.VolumeMountApplyConfiguration {
	return applycore.VolumeMount().WithName(volume).WithMountPath(path)
}

// data returns the volume of the registry's data.
func data(cache *v1alpha1.OrasCache) *applycore.VolumeApplyConfiguration {
	volume := applycore.Volume().WithName(dataVolume)
	if storageOf(cache) == inEmptyDir {
		return volume.WithEmptyDir(applycore.EmptyDirVolumeSource().WithSizeLimit(sizeOf(cache)))
	}
	return volume.WithPersistentVolumeClaim(applycore.PersistentVolumeClaimVolumeSource().WithClaimName(claimName(cache)))
}
