package controller

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// ownerOf returns the reference by which an object belongs to cache and goes when it does.
func ownerOf(cache *v1alpha1.OrasCache) *applymeta.OwnerReferenceApplyConfiguration {
	return applymeta.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion().String()).
		WithKind(v1alpha1.Kind).
		WithName(cache.Name).
		WithUID(cache.UID).
		WithController(true).
		WithBlockOwnerDeletion(true)
}

// makesService tells whether the Service by which clients reach the registry is for the operator to make.
func makesService(cache *v1alpha1.OrasCache) bool { return ptr.Deref(cache.Spec.Service.Create, true) }

// sizeOf is the size that cache wants for its storage.
func sizeOf(cache *v1alpha1.OrasCache) resource.Quantity {
	if size := cache.Spec.Storage.Size; size != nil {
		return *size
	}
	return resource.MustParse(v1alpha1.DefaultStorageSize)
}

// service returns the Service by which clients reach the registry.
func service(cache *v1alpha1.OrasCache) *applycore.ServiceApplyConfiguration {
	return applycore.Service(cache.ServiceName(), cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithSpec(serviceSpec(cache))
}

// podService returns the headless Service that a StatefulSet needs for the names of its pods.
func podService(cache *v1alpha1.OrasCache) *applycore.ServiceApplyConfiguration {
	return applycore.Service(podServiceName(cache), cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithSpec(serviceSpec(cache).WithClusterIP(corev1.ClusterIPNone))
}

func serviceSpec(cache *v1alpha1.OrasCache) *applycore.ServiceSpecApplyConfiguration {
	return applycore.ServiceSpec().
		WithType(corev1.ServiceTypeClusterIP).
		WithSelector(selectorOf(cache)).
		WithPorts(applycore.ServicePort().
			WithName(portName).
			WithProtocol(corev1.ProtocolTCP).
			WithPort(v1alpha1.Port).
			WithTargetPort(intstr.FromString(portName)))
}

// claim returns the claim for the registry's data. One that is to be kept belongs to nobody, so that nothing deletes it.
func claim(cache *v1alpha1.OrasCache) *applycore.PersistentVolumeClaimApplyConfiguration {
	spec := applycore.PersistentVolumeClaimSpec().
		WithAccessModes(corev1.ReadWriteOnce).
		WithResources(applycore.VolumeResourceRequirements().
			WithRequests(corev1.ResourceList{corev1.ResourceStorage: sizeOf(cache)}))
	if class := cache.Spec.Storage.StorageClassName; class != nil {
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

// secret returns the Secret with the registry's own secret.
func secret(cache *v1alpha1.OrasCache, value []byte) *applycore.SecretApplyConfiguration {
	return applycore.Secret(secretName(cache), cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithType(corev1.SecretTypeOpaque).
		WithData(map[string][]byte{secretKey: value})
}
