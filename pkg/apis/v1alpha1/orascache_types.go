package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DefaultStorageSize is the size of a registry's volume where spec.storage.size says nothing.
const DefaultStorageSize = "10Gi"

// OrasCacheSpec says which registry a namespace gets. Every field has a working default.
type OrasCacheSpec struct {
	// Deploy is whether a registry runs at all. Set to false, the registry and its Services go and the data stays.
	// +optional
	// +kubebuilder:default=true
	Deploy *bool `json:"deploy,omitempty"`

	// Image is the registry to run. Default: the one built into the operator's own image. Any other image must serve the
	// OCI distribution API on port 5000 and keep its data in /var/lib/registry; it is given REGISTRY_* variables as the
	// CNCF distribution registry reads them.
	// +optional
	Image string `json:"image,omitempty"`

	// Storage says where artifacts are kept.
	// +optional
	// +kubebuilder:default={}
	Storage StorageSpec `json:"storage,omitzero"`

	// Resources are the requests and limits of the registry's container. Default: requests of 100m and 128Mi, no limits.
	// +optional
	Resources *ResourcesSpec `json:"resources,omitempty"`

	// Service is that by which steps reach the registry.
	// +optional
	Service ServiceSpec `json:"service,omitzero"`

	// Secrets are accepted for compatibility and not read: a step names its credentials itself, and a registry gets its own
	// secret.
	// +optional
	Secrets SecretsSpec `json:"secrets,omitzero"`

	// Secret is accepted for compatibility and not read: a registry gets its own.
	// +optional
	Secret string `json:"secret,omitempty"`

	// Object is accepted for compatibility and not read: pods and Jobs alike become steps.
	// +optional
	Object string `json:"object,omitempty"`
}

// ServiceSpec says by which Service a registry is reached.
type ServiceSpec struct {
	// Name of the Service. Default: that of the OrasCache.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// Create is whether the operator makes it. Set to false, it is somebody else's, who has it lead to port 5000 of the pods
	// with the label cache.converged-computing.github.io/name.
	// +optional
	// +kubebuilder:default=true
	Create *bool `json:"create,omitempty"`
}

// SecretsSpec names Secrets.
type SecretsSpec struct {
	// OrasEnv is not read: name it to a step, with the key oras-env.
	// +optional
	OrasEnv string `json:"orasEnv,omitempty"`

	// RegistryHTTP is not read.
	// +optional
	RegistryHTTP string `json:"registryHttp,omitempty"`
}

// ResourcesSpec is what a registry's container asks for and what it may use. Given, it replaces the default as a whole.
type ResourcesSpec struct {
	// Requests by resource name, such as cpu and memory.
	// +optional
	Requests corev1.ResourceList `json:"requests,omitempty"`
	// Limits by resource name, such as cpu and memory.
	// +optional
	Limits corev1.ResourceList `json:"limits,omitempty"`
}

// StorageSpec says where a registry keeps its artifacts.
// +kubebuilder:validation:XValidation:rule="!(has(self.ephemeral) && self.ephemeral && has(self.keep) && self.keep)",message="ephemeral storage goes with its pod and cannot be kept: set either ephemeral or keep"
// +kubebuilder:validation:XValidation:rule="!(has(self.ephemeral) && self.ephemeral && has(self.storageClassName))",message="ephemeral storage has no storage class: set either ephemeral or storageClassName"
type StorageSpec struct {
	// Size of the volume: of the claim, or the limit of an ephemeral one. It can grow where the storage class lets volumes
	// grow.
	// +optional
	// +kubebuilder:default="10Gi"
	Size *resource.Quantity `json:"size,omitempty"`

	// StorageClassName of the claim. Default: the cluster's default class. It cannot change once the claim is bound.
	// +optional
	StorageClassName *string `json:"storageClassName,omitempty"`

	// Ephemeral keeps artifacts in the pod's own emptyDir: they go when the pod does.
	// +optional
	Ephemeral bool `json:"ephemeral,omitempty"`

	// Keep leaves the claim behind when the OrasCache is deleted. A later OrasCache of the same name takes it up again.
	// +optional
	Keep bool `json:"keep,omitempty"`
}

// OrasCacheStatus is what the operator last saw.
type OrasCacheStatus struct {
	// Conditions: Ready, with a reason and a sentence.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Endpoint is host:port of the registry inside the cluster. Empty while nothing is deployed, or something else has
	// its name.
	// +optional
	Endpoint string `json:"endpoint,omitempty"`

	// ObservedGeneration is the metadata.generation that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// OrasCache is a registry for the artifacts of the workflows of one namespace.
//
// Its name becomes that of a Service and of a StatefulSet, whose pods carry it in a label with a hash: hence the rule on it.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=orascaches,singular=orascache
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.status.endpoint`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 52 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must be at most 52 characters: a lower case letter, then lower case letters, digits and '-', not ending in '-'"
// +kubebuilder:validation:XValidation:rule="!has(self.spec) || !has(self.spec.service) || !has(self.spec.service.name) || self.spec.service.name != self.metadata.name + '-pods'",message="spec.service.name is that of the Service which the names of the registry's pods hang below: choose another"
type OrasCache struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +optional
	// +kubebuilder:default={}
	Spec OrasCacheSpec `json:"spec,omitzero"`
	// +optional
	Status OrasCacheStatus `json:"status,omitzero"`
}

// OrasCacheList is a list of OrasCaches.
// +kubebuilder:object:root=true
type OrasCacheList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []OrasCache `json:"items"`
}
