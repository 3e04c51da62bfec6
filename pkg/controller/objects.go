package controller

import (
	corev1 "k8s.io/api/core/v1"
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

// service returns the Service by which clients reach the registry.
func service(cache *v1alpha1.OrasCache) *applycore.ServiceApplyConfiguration {
	return applycore.Service(cache.ServiceName(), cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithSpec(serviceSpec(cache))
}

// podService returns the headless Service that a StatefulSet needs for the names of its pods. By it, each pod's metrics are
// found too.
func podService(cache *v1alpha1.OrasCache) *applycore.ServiceApplyConfiguration {
	spec := serviceSpec(cache).WithClusterIP(corev1.ClusterIPNone)
	if !isForeign(cache) {
		spec.WithPorts(applycore.ServicePort().
			WithName(metricsPortName).
			WithProtocol(corev1.ProtocolTCP).
			WithPort(metricsPort).
			WithTargetPort(intstr.FromString(metricsPortName)))
	}
	return applycore.Service(podServiceName(cache), cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithSpec(spec)
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

// secret returns a Secret of cache with that name and data.
func secret(cache *v1alpha1.OrasCache, name string, kind corev1.SecretType, data map[string][]byte) *applycore.SecretApplyConfiguration {
	return applycore.Secret(name, cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithType(kind).
		WithData(data)
}

// configMap returns a ConfigMap of cache with that name and data.
func configMap(cache *v1alpha1.OrasCache, name string, data map[string]string) *applycore.ConfigMapApplyConfiguration {
	return applycore.ConfigMap(name, cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithData(data)
}
