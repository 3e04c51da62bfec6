package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OrasCacheSpec says which registry a namespace gets. Every field has a working default.
// +kubebuilder:validation:XValidation:rule="!has(self.replicas) || self.replicas <= 1 || (has(self.storage) && has(self.storage.s3))",message="several replicas need a store that all of them share: set spec.storage.s3, or leave out spec.replicas"
// +kubebuilder:validation:XValidation:rule="!has(self.image) || size(self.image) == 0 || !has(self.auth) || self.auth != 'serviceaccount'",message="only the operator's own registry knows ServiceAccounts: leave out spec.image, or set spec.auth to htpasswd or none"
// +kubebuilder:validation:XValidation:rule="!has(self.htpasswdSecretName) || size(self.htpasswdSecretName) == 0 || (has(self.auth) && self.auth == 'htpasswd')",message="spec.htpasswdSecretName is for spec.auth: htpasswd"
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

	// Replicas are the pods of the registry. More than one need storage.s3, which all of them share.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Replicas *int32 `json:"replicas,omitempty"`

	// Storage says where artifacts are kept.
	// +optional
	// +kubebuilder:default={}
	Storage StorageSpec `json:"storage,omitzero"`

	// TLS has the registry speak HTTPS.
	// +optional
	TLS TLSSpec `json:"tls,omitzero"`

	// Auth is how the registry knows who asks. With none, whoever can reach it may do everything. With serviceaccount, the
	// cluster's RBAC says which ServiceAccounts of the namespace may pull, push and delete. With htpasswd, it is users with
	// passwords, who may do everything. Steps get what they need by themselves.
	// +optional
	// +kubebuilder:validation:Enum=none;serviceaccount;htpasswd
	// +kubebuilder:default=none
	Auth string `json:"auth,omitempty"`

	// DefaultAccess is what every ServiceAccount of the namespace may do without a RoleBinding of its own, where auth is
	// serviceaccount: push is to pull and push, pull only to pull.
	// +optional
	// +kubebuilder:validation:Enum=push;pull;none
	// +kubebuilder:default=push
	DefaultAccess string `json:"defaultAccess,omitempty"`

	// HtpasswdSecretName is that of a Secret whose key htpasswd has lines of users with bcrypt passwords, where auth is
	// htpasswd. Default: the user that steps get is the only one.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	HtpasswdSecretName string `json:"htpasswdSecretName,omitempty"`

	// Retention says which artifacts go by themselves: the first rule whose repositories match holds. Default: none.
	// +optional
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	Retention []RetentionRule `json:"retention,omitempty"`

	// GC is when what no artifact needs any more is removed from the storage.
	// +optional
	GC GCSpec `json:"gc,omitzero"`

	// MaxUploads is how many uploads may be under way in each replica; clients try again later with any above. Default: 0, no
	// limit.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxUploads int32 `json:"maxUploads,omitempty"`

	// NetworkPolicy is that which lets only pods of the namespace reach the registry.
	// +optional
	NetworkPolicy NetworkPolicySpec `json:"networkPolicy,omitzero"`

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

// OrasCacheStatus is what the operator last saw.
type OrasCacheStatus struct {
	// Conditions: Ready, with a reason and a sentence; and Supported, where spec.image cannot do all that the spec asks for.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Endpoint is host:port of the registry inside the cluster. Empty while nothing is deployed, or something else has
	// its name.
	// +optional
	Endpoint string `json:"endpoint,omitempty"`

	// RegistryVersion is what serves: the version of the operator whose registry it is, or spec.image.
	// +optional
	RegistryVersion string `json:"registryVersion,omitempty"`

	// Artifacts is the number of manifests in the registry, when it was last counted. Not known of a foreign image.
	// +optional
	Artifacts *int64 `json:"artifacts,omitempty"`

	// Size is what the artifacts take, in bytes and rounded up, when it was last measured. Not known of a foreign image.
	// +optional
	Size *resource.Quantity `json:"size,omitempty"`

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
// +kubebuilder:printcolumn:name="Artifacts",type=integer,JSONPath=`.status.artifacts`
// +kubebuilder:printcolumn:name="Size",type=string,JSONPath=`.status.size`
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
