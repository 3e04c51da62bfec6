package v1alpha1

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

const (
	// Group is the API group of every type of this package.
	Group = "cache.converged-computing.github.io"
	// Version is the API version of every type of this package.
	Version = "v1alpha1"
	// Kind is the kind of an OrasCache.
	Kind = "OrasCache"
)

// GroupVersion returns group and version of this package, as apiVersion has them.
func GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: Group, Version: Version}
}

// AddToScheme makes the types of this package known to s.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion(), &OrasCache{}, &OrasCacheList{})
	metav1.AddToGroupVersion(s, GroupVersion())
	return nil
}

// NewScheme returns a scheme with the types of Kubernetes itself and those of this package.
func NewScheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(s); err != nil {
		return nil, fmt.Errorf("registering the types of Kubernetes: %w", err)
	}
	if err := AddToScheme(s); err != nil {
		return nil, fmt.Errorf("registering the types of %s: %w", GroupVersion(), err)
	}
	return s, nil
}
