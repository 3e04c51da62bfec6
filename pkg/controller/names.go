package controller

import (
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

const (
	// LabelCache has the name of the OrasCache as value. It selects the pods of a registry, and is on every object made
	// for it. Its prefix is not that of the keys users put on their pods.
	LabelCache = v1alpha1.Group + "/name"

	// annotationSettings has a digest of what a registry reads only when it starts, so that a change of it rolls out.
	annotationSettings = v1alpha1.Group + "/settings"

	labelName      = "app.kubernetes.io/name"
	labelManagedBy = "app.kubernetes.io/managed-by"

	appName   = "oras-registry"
	managedBy = "oras-operator"

	// operatorApp is what the operator's own pods have as app.kubernetes.io/name.
	operatorApp = "oras-operator"

	containerName   = "registry"
	portName        = "registry"
	metricsPortName = "metrics"
	// metricsPort is the TCP port of metrics and of /oras/status in the pods of the operator's own registry.
	metricsPort = 5001
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

// registryName is the name of what is the registry's own and no client's: Secret, ConfigMap, ServiceAccount, Role and
// RoleBinding, Lease, NetworkPolicy and PodDisruptionBudget.
func registryName(cache *v1alpha1.OrasCache) string { return cache.Name + "-registry" }

// clientsName is the name of the Role and RoleBinding of the ServiceAccounts of the namespace.
func clientsName(cache *v1alpha1.OrasCache) string { return cache.Name + "-clients" }

// issuedName is the name of the Secret with a certificate that the operator issues.
func issuedName(cache *v1alpha1.OrasCache) string { return cache.Name + "-tls" }

// htpasswdName is the name of the Secret with all users and their hashed passwords.
func htpasswdName(cache *v1alpha1.OrasCache) string { return cache.Name + "-htpasswd" }

// isForeign tells whether the registry's image is not the operator's own.
func isForeign(cache *v1alpha1.OrasCache) bool { return cache.Spec.Image != "" }

// replicasOf is the number of pods that cache wants.
func replicasOf(cache *v1alpha1.OrasCache) int32 { return max(1, ptr.Deref(cache.Spec.Replicas, 1)) }
