package controller

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// fieldOwner is the name under which the operator owns the fields that it applies.
const fieldOwner = client.FieldOwner("oras-operator")

// ownership says whose object has a name that the operator needs.
type ownership int

const (
	absent  ownership = iota // there is no such object
	ours                     // it was made for this OrasCache
	foreign                  // it is somebody else's
	leaving                  // it is not ours and will soon be gone
)

// nameTakenError says that an object has the place of one that a registry needs and is not ours to change.
type nameTakenError struct {
	kind, name string
	leaving    bool
}

func (e *nameTakenError) Error() string {
	if e.leaving {
		return fmt.Sprintf("%s %q belongs to something that is being deleted; waiting until it is gone", e.kind, e.name)
	}
	return fmt.Sprintf("%s %q is not of this OrasCache and is left alone: delete it, or give the OrasCache another name",
		e.kind, e.name)
}

// applyConfiguration is what the generated apply configurations of all kinds have in common.
type applyConfiguration interface {
	runtime.ApplyConfiguration
	GetKind() *string
	GetAPIVersion() *string
	GetName() *string
}

// apply makes the object in the cluster what want says, unless it is there and not the cache's: that is a
// [nameTakenError].
func (r *Reconciler) apply(ctx context.Context, cache *v1alpha1.OrasCache, want applyConfiguration) error {
	gvk := schema.FromAPIVersionAndKind(*want.GetAPIVersion(), *want.GetKind())
	name := *want.GetName()
	_, owner, err := r.lookUp(ctx, cache, gvk, name)
	if err != nil {
		return err
	}
	if owner == foreign || owner == leaving {
		return &nameTakenError{kind: gvk.Kind, name: name, leaving: owner == leaving}
	}
	err = r.client.Apply(ctx, want, fieldOwner, client.ForceOwnership)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("applying %s %s: %w", gvk.Kind, name, err)
	if apierrors.IsInvalid(err) && gvk.Kind == "StatefulSet" && owner == ours {
		return fmt.Errorf("%w; if it is about a field that cannot change, kubectl delete statefulset %s --cascade=orphan has it made anew around its pods",
			err, name)
	}
	return err
}

// remove deletes the object of that kind and name if it is the cache's.
func (r *Reconciler) remove(ctx context.Context, cache *v1alpha1.OrasCache, gvk schema.GroupVersionKind, name string) error {
	obj, owner, err := r.lookUp(ctx, cache, gvk, name)
	if err != nil || owner != ours {
		return err
	}
	same := client.Preconditions{UID: &obj.UID}
	if err := r.client.Delete(ctx, obj, same); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting %s %s: %w", gvk.Kind, name, err)
	}
	return nil
}

// lookUp reads the metadata of an object in the cache's namespace and says whose it is.
func (r *Reconciler) lookUp(ctx context.Context, cache *v1alpha1.OrasCache, gvk schema.GroupVersionKind, name string) (*metav1.PartialObjectMetadata, ownership, error) {
	obj := &metav1.PartialObjectMetadata{}
	obj.SetGroupVersionKind(gvk)
	err := r.client.Get(ctx, client.ObjectKey{Namespace: cache.Namespace, Name: name}, obj)
	if apierrors.IsNotFound(err) {
		return nil, absent, nil
	}
	if err != nil {
		return nil, foreign, fmt.Errorf("reading %s %s: %w", gvk.Kind, name, err)
	}
	return obj, ownerIn(obj, cache), nil
}

// ownerIn says whose an object of the cluster is. An object of an earlier OrasCache of the same name is not ours, but for
// a claim that one has left behind.
func ownerIn(obj *metav1.PartialObjectMetadata, cache *v1alpha1.OrasCache) ownership {
	switch {
	case metav1.IsControlledBy(obj, cache), isKeptClaim(obj, cache):
		return ours
	case obj.DeletionTimestamp != nil, isOrphan(obj, cache):
		return leaving
	default:
		return foreign
	}
}

// isOrphan tells whether obj was made for an earlier OrasCache of that name, whose garbage collection will delete it.
func isOrphan(obj *metav1.PartialObjectMetadata, cache *v1alpha1.OrasCache) bool {
	owner := metav1.GetControllerOf(obj)
	return owner != nil &&
		owner.APIVersion == v1alpha1.GroupVersion().String() &&
		owner.Kind == v1alpha1.Kind &&
		owner.Name == cache.Name
}

// isKeptClaim tells whether obj is a claim that was made for an OrasCache of that name and belongs to none now.
func isKeptClaim(obj client.Object, cache *v1alpha1.OrasCache) bool {
	return isClaim(obj) &&
		metav1.GetControllerOf(obj) == nil &&
		obj.GetLabels()[labelManagedBy] == managedBy &&
		obj.GetLabels()[LabelCache] == cache.Name
}

// isClaim tells whether obj is a claim, or the metadata of one.
func isClaim(obj client.Object) bool {
	_, whole := obj.(*corev1.PersistentVolumeClaim)
	return whole || obj.GetObjectKind().GroupVersionKind() == corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")
}
