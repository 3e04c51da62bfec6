package controller

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// storageKind is where a registry keeps its artifacts, in the words of messages.
type storageKind string

const (
	inClaim    storageKind = "a claim"
	inEmptyDir storageKind = "an emptyDir"
	inBucket   storageKind = "a bucket"
)

// storageOf is the kind of storage that cache wants.
func storageOf(cache *v1alpha1.OrasCache) storageKind {
	switch {
	case cache.Spec.Storage.S3 != nil:
		return inBucket
	case cache.Spec.Storage.Ephemeral:
		return inEmptyDir
	default:
		return inClaim
	}
}

// storageIn is the kind of storage that a workload of ours has.
func storageIn(set *appsv1.StatefulSet) storageKind {
	for _, volume := range set.Spec.Template.Spec.Volumes {
		if volume.Name == dataVolume && volume.PersistentVolumeClaim != nil {
			return inClaim
		}
		if volume.Name == dataVolume {
			return inEmptyDir
		}
	}
	return inBucket
}

// checkMove refuses to have a registry that runs go on with another kind of storage, where it would begin empty: what it has
// would seem lost and, in an emptyDir, would be.
func (r *Reconciler) checkMove(ctx context.Context, cache *v1alpha1.OrasCache) error {
	set := &appsv1.StatefulSet{}
	err := r.client.Get(ctx, client.ObjectKeyFromObject(cache), set)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading StatefulSet %s: %w", cache.Name, err)
	}
	is, want := storageIn(set), storageOf(cache)
	if err != nil || !metav1.IsControlledBy(set, cache) || is == want {
		return nil
	}
	return &settingError{v1alpha1.ReasonStorageFixed, fmt.Sprintf(
		"The registry keeps its artifacts in %s, and spec.storage now asks for %s, where it would begin empty. It goes on as it was: take the change back, "+
			"make another OrasCache and copy the artifacts to it, or, to begin empty, set spec.deploy to false and then to true again.", is, want)}
}

// sizeOf is the size that cache wants for its storage.
func sizeOf(cache *v1alpha1.OrasCache) resource.Quantity {
	if size := cache.Spec.Storage.Size; size != nil {
		return *size
	}
	return resource.MustParse(v1alpha1.DefaultStorageSize)
}

// applyClaim makes the claim where the registry needs one. One that is there is kept up with the spec whether or not it is
// in use, since it may hold data that the spec asks to keep.
func (r *Reconciler) applyClaim(ctx context.Context, cache *v1alpha1.OrasCache) error {
	there := &corev1.PersistentVolumeClaim{}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: cache.Namespace, Name: claimName(cache)}, there)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading PersistentVolumeClaim %s: %w", claimName(cache), err)
	}
	wanted := cache.IsDeployed() && storageOf(cache) == inClaim
	if err != nil {
		if !wanted {
			return nil
		}
		return r.apply(ctx, cache, claim(cache, nil, sizeOf(cache)))
	}
	if ours := metav1.IsControlledBy(there, cache) || isKeptClaim(there, cache); !wanted && !ours {
		return nil
	}
	if err := r.updateClaim(ctx, cache, there); err != nil {
		return err
	}
	if wanted {
		return checkClaim(cache, there)
	}
	return nil
}

// updateClaim applies a claim that is there, first with the size that it has: where it may not grow, all that comes with a
// larger size is refused, and whether it is to be kept must not wait for that.
func (r *Reconciler) updateClaim(ctx context.Context, cache *v1alpha1.OrasCache, there *corev1.PersistentVolumeClaim) error {
	is, want := there.Spec.Resources.Requests[corev1.ResourceStorage], sizeOf(cache)
	err := r.apply(ctx, cache, claim(cache, there, is))
	if err != nil || storageOf(cache) != inClaim || want.Cmp(is) <= 0 {
		return err
	}
	return r.apply(ctx, cache, claim(cache, there, want))
}

// checkClaim tells what the spec asks of a claim that cannot be had of the one that is there.
func checkClaim(cache *v1alpha1.OrasCache, there *corev1.PersistentVolumeClaim) error {
	class, want := there.Spec.StorageClassName, cache.Spec.Storage.StorageClassName
	if class != nil && want != nil && *class != *want {
		return &settingError{v1alpha1.ReasonStorageFixed, fmt.Sprintf(
			"PersistentVolumeClaim %s is of storage class %q, which cannot become %q. The registry goes on as it was: set spec.storage.storageClassName back, "+
				"or make another OrasCache and copy the artifacts to it.", there.Name, *class, *want)}
	}
	size := there.Spec.Resources.Requests[corev1.ResourceStorage]
	if less := cache.Spec.Storage.Size; less != nil && less.Cmp(size) < 0 {
		return &settingError{v1alpha1.ReasonStorageFixed, fmt.Sprintf(
			"PersistentVolumeClaim %s has %s and cannot shrink to %s. The registry goes on as it was: set spec.storage.size back, "+
				"or make another OrasCache and copy the artifacts to it.", there.Name, size.String(), less.String())}
	}
	return nil
}

// claim returns the claim for the registry's data with that size, and with what cannot change as it is there, if one is. One that
// is to be kept belongs to nobody, so that nothing deletes it.
func claim(cache *v1alpha1.OrasCache, there *corev1.PersistentVolumeClaim, size resource.Quantity) *applycore.PersistentVolumeClaimApplyConfiguration {
	class := cache.Spec.Storage.StorageClassName
	if there != nil && there.Spec.StorageClassName != nil {
		class = there.Spec.StorageClassName
	}
	spec := applycore.PersistentVolumeClaimSpec().
		WithAccessModes(corev1.ReadWriteOnce).
		WithResources(applycore.VolumeResourceRequirements().
			WithRequests(corev1.ResourceList{corev1.ResourceStorage: size}))
	if class != nil {
		spec.WithStorageClassName(*class)
	}
	pvc := applycore.PersistentVolumeClaim(claimName(cache), cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithSpec(spec)
	if !cache.Spec.Storage.Keep {
		pvc.WithOwnerReferences(ownerOf(cache))
	}
	return pvc
}
