// Package v1alpha1 is the vocabulary of the operator's users: the OrasCache resource, the reasons its Ready condition
// gives, and the metadata keys that mark a pod as a step.
//
// +kubebuilder:object:generate=true
// +groupName=cache.converged-computing.github.io
package v1alpha1
