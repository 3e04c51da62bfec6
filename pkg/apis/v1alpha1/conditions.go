package v1alpha1

// ConditionReady is True when the spec is what runs: the registry answers, or spec.deploy is false and nothing runs.
const ConditionReady = "Ready"

// ConditionSupported is False where spec.image is a registry that cannot do all that the spec asks for; the rest of it holds. It
// is absent otherwise.
const ConditionSupported = "Supported"

// ReasonForeignImage is the reason of [ConditionSupported].
const ReasonForeignImage = "ForeignImage"

// Reasons of the Ready condition. The first two come with status True, the last one with Unknown, the others with
// False.
const (
	// ReasonServing says that the registry answers at status.endpoint.
	ReasonServing = "Serving"
	// ReasonNotDeployed says that spec.deploy is false, so there is nothing to wait for.
	ReasonNotDeployed = "NotDeployed"
	// ReasonStarting says that the registry's pod is not ready yet, or is being replaced by one of the new spec.
	ReasonStarting = "Starting"
	// ReasonStoragePending says that the registry's pod waits for its volume.
	ReasonStoragePending = "StoragePending"
	// ReasonNameTaken says that an object that is not the operator's has the name of one that the registry needs.
	ReasonNameTaken = "NameTaken"
	// ReasonSecretMissing says that a Secret which the spec names is not there, or lacks what is wanted of it.
	ReasonSecretMissing = "SecretMissing"
	// ReasonCertificateInvalid says that the certificate which the spec names cannot be used for this registry, or has expired.
	ReasonCertificateInvalid = "CertificateInvalid"
	// ReasonUsersInvalid says that the users which the spec names cannot be read. A registry that runs goes on with those it had.
	ReasonUsersInvalid = "UsersInvalid"
	// ReasonStorageFixed says that the spec asks for a change of the storage that cannot be made without losing sight of the
	// artifacts. The registry goes on as it was.
	ReasonStorageFixed = "StorageFixed"
	// ReasonUnsupported says that the spec asks for what its image must not be run without.
	ReasonUnsupported = "Unsupported"
	// ReasonRejected says that the cluster refuses an object: a quota, a policy, or a change that the storage class does
	// not allow.
	ReasonRejected = "Rejected"
	// ReasonRetrying says that the cluster could not be asked or changed; the operator tries again by itself.
	ReasonRetrying = "Retrying"
)
