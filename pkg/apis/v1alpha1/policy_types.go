package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TLSSpec says whether a registry speaks HTTPS, and with which certificate.
// +kubebuilder:validation:XValidation:rule="!has(self.secretName) || size(self.secretName) == 0 || (has(self.enabled) && self.enabled)",message="a certificate is of no use without TLS: set tls.enabled, or leave out tls.secretName"
type TLSSpec struct {
	// Enabled has the registry speak HTTPS and nothing else.
	// +optional
	Enabled bool `json:"enabled,omitempty"`

	// SecretName is that of a kubernetes.io/tls Secret whose certificate is for the host of status.endpoint, with the authority
	// to trust in ca.crt; without one there, the certificate itself is trusted. Default: the operator issues a certificate
	// and renews it, in the Secret <name>-tls.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
}

// RetentionRule says which artifacts of some repositories go by themselves. What it does not speak of stays.
// +kubebuilder:validation:XValidation:rule="has(self.ttl) || has(self.keepLast) || has(self.untagged)",message="a rule of retention says what goes: set ttl, keepLast or untagged"
type RetentionRule struct {
	// Repositories is a pattern, in which * stands for any characters but a / and ** for any. Default: all.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[-a-z0-9._/*?]*$`
	Repositories string `json:"repositories,omitempty"`

	// TTL is the age, in h, m and s, at which a tag goes, but for the keepLast youngest of its repository.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[1-9][0-9]{0,5}(h([0-9]{1,6}m)?([0-9]{1,6}s)?|m([0-9]{1,6}s)?|s)$`
	TTL *metav1.Duration `json:"ttl,omitempty"`

	// KeepLast is how many tags of each repository stay whatever their age. Without a ttl, all others go.
	// +optional
	// +kubebuilder:validation:Minimum=1
	KeepLast *int32 `json:"keepLast,omitempty"`

	// Untagged is the age at which a manifest goes that no tag keeps.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[1-9][0-9]{0,5}(h([0-9]{1,6}m)?([0-9]{1,6}s)?|m([0-9]{1,6}s)?|s)$`
	Untagged *metav1.Duration `json:"untagged,omitempty"`
}

// Defaults of spec.gc, where it says nothing.
const (
	DefaultGCSchedule    = "@every 1h"
	DefaultGCGracePeriod = "1h"
)

// GCSpec says when a registry removes what no artifact needs any more.
type GCSpec struct {
	// Schedule is a cron expression of five fields in UTC, or one such as @daily or "@every 6h". Empty: never. Default:
	// "@every 1h".
	// +optional
	// +kubebuilder:default="@every 1h"
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:Pattern=`^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every [1-9][0-9]{0,5}[hms]|([-0-9A-Za-z*/,?]+ ){4}[-0-9A-Za-z*/,?]+)?$`
	Schedule *string `json:"schedule,omitempty"`

	// GracePeriod is the age below which nothing is removed, and the time between finding something useless and removing it.
	// Default: 1h.
	// +optional
	// +kubebuilder:default="1h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[1-9][0-9]{0,5}(h([0-9]{1,6}m)?([0-9]{1,6}s)?|m([0-9]{1,6}s)?|s)$`
	GracePeriod *metav1.Duration `json:"gracePeriod,omitempty"`
}

// NetworkPolicySpec says whether a registry is closed to other namespaces.
type NetworkPolicySpec struct {
	// Create is whether the operator makes a NetworkPolicy that lets only pods of the namespace reach the registry. One of
	// your own beside it can let in others. Set to false, there is none.
	// +optional
	// +kubebuilder:default=true
	Create *bool `json:"create,omitempty"`
}
