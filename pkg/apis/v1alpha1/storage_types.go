package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// DefaultStorageSize is the size of a registry's volume where spec.storage.size says nothing.
const DefaultStorageSize = "10Gi"

// DefaultS3Region is the region of a bucket where spec.storage.s3.region says nothing.
const DefaultS3Region = "us-east-1"

// StorageSpec says where a registry keeps its artifacts: in a claim, in an emptyDir, or in a bucket. A registry does not
// move from one kind to another: its artifacts would stay behind.
// +kubebuilder:validation:XValidation:rule="!(has(self.ephemeral) && self.ephemeral && has(self.keep) && self.keep)",message="ephemeral storage goes with its pod and cannot be kept: set either ephemeral or keep"
// +kubebuilder:validation:XValidation:rule="!(has(self.ephemeral) && self.ephemeral && has(self.storageClassName))",message="ephemeral storage has no storage class: set either ephemeral or storageClassName"
// +kubebuilder:validation:XValidation:rule="!has(self.s3) || !((has(self.size) && self.size != '10Gi') || has(self.storageClassName) || (has(self.ephemeral) && self.ephemeral) || (has(self.keep) && self.keep))",message="a bucket has no size and no storage class, and outlives the OrasCache anyway: beside s3, leave out size, storageClassName, ephemeral and keep"
type StorageSpec struct {
	// Size of the volume: of the claim, or the limit of an ephemeral one. It can grow where the storage class lets volumes
	// grow, and never shrinks. Default: 10Gi, or what a claim that is there already has. Beside s3 it is left out; 10Gi counts
	// as left out there, since earlier versions of the operator wrote it into each OrasCache.
	// +optional
	Size *resource.Quantity `json:"size,omitempty"`

	// StorageClassName of the claim. Default: the cluster's default class. A claim that is there keeps its class.
	// +optional
	StorageClassName *string `json:"storageClassName,omitempty"`

	// Ephemeral keeps artifacts in the pod's own emptyDir: they go when the pod does.
	// +optional
	Ephemeral bool `json:"ephemeral,omitempty"`

	// Keep leaves the claim behind when the OrasCache is deleted. A later OrasCache of the same name takes it up again.
	// +optional
	Keep bool `json:"keep,omitempty"`

	// S3 keeps artifacts in a bucket: the registry then holds nothing itself and may have several replicas. What is in the
	// bucket stays when the OrasCache is deleted.
	// +optional
	S3 *S3Spec `json:"s3,omitempty"`
}

// S3Spec names a bucket of an object store that speaks the protocol of Amazon S3.
type S3Spec struct {
	// Bucket is its name. It must be there.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=63
	Bucket string `json:"bucket"`

	// Region of the bucket. Default: us-east-1, which other stores than Amazon's take for any.
	// +optional
	Region string `json:"region,omitempty"`

	// Endpoint is host or host:port of the store, without a scheme. Default: that of Amazon S3 for the region.
	// +optional
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?$`
	Endpoint string `json:"endpoint,omitempty"`

	// Prefix is put before the key of every object, so that several registries can have one bucket. Default: the namespace
	// and the name of the OrasCache, with a / between them.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9._/]*[A-Za-z0-9])?$`
	Prefix string `json:"prefix,omitempty"`

	// PathStyle puts the bucket into the path of a URL, not into the name of its host. Default: true where there is an
	// endpoint, else false.
	// +optional
	PathStyle *bool `json:"pathStyle,omitempty"`

	// Insecure speaks HTTP, not HTTPS, to the endpoint.
	// +optional
	Insecure bool `json:"insecure,omitempty"`

	// SecretName is that of a Secret with the credentials of the store: AWS_ACCESS_KEY_ID and
	// AWS_SECRET_ACCESS_KEY. Default: what the node or the ServiceAccount <name>-registry gives.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
}
