package controller

import "github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"

const (
	// LabelCache has the name of the OrasCache as value. It selects the pods of a registry, and is on every object made
	// for it. Its prefix is not that of the keys users put on their pods.
	LabelCache = v1alpha1.Group + "/name"

	labelName      = "app.kubernetes.io/name"
	labelManagedBy = "app.kubernetes.io/managed-by"

	appName   = "oras-registry"
	managedBy = "oras-operator"

	containerName = "registry"
	portName      = "registry"
	dataVolume    = "data"
	secretVolume  = "secret"
	dataDir       = "/var/lib/registry"
	secretDir     = "/etc/oras-registry"
	secretKey     = "http-secret"
)

// selectorOf returns the labels that only the pods of that cache carry in its namespace.
func selectorOf(cache *v1alpha1.OrasCache) map[string]string {
	return map[string]string{LabelCache: cache.Name}
}

// labelsOf returns the labels of every object made for that cache.
func labelsOf(cache *v1alpha1.OrasCache) map[string]string {
	return map[string]string{
		LabelCache:     cache.Name,
		labelName:      appName,
		labelManagedBy: managedBy,
	}
}

// podServiceName is the name of the headless Service, which the names of pods hang below.
func podServiceName(cache *v1alpha1.OrasCache) string { return cache.Name + "-pods" }

// claimName is the name of the claim for the registry's data.
func claimName(cache *v1alpha1.OrasCache) string { return cache.Name + "-data" }

// secretName is the name of the Secret that holds the registry's own secret.
func secretName(cache *v1alpha1.OrasCache) string { return cache.Name + "-registry" }
