package controller

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	applynetworking "k8s.io/client-go/applyconfigurations/networking/v1"
	applypolicy "k8s.io/client-go/applyconfigurations/policy/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// networkPolicy lets pods of the namespace reach the registry and, if its namespace is known, the operator what tells how full it
// is. The node's own traffic, which probes and port-forwards are, no policy keeps away.
func networkPolicy(cache *v1alpha1.OrasCache, operatorNamespace string) *applynetworking.NetworkPolicyApplyConfiguration {
	spec := applynetworking.NetworkPolicySpec().
		WithPodSelector(applymeta.LabelSelector().WithMatchLabels(selectorOf(cache))).
		WithPolicyTypes(networkingv1.PolicyTypeIngress).
		WithIngress(ingress(v1alpha1.Port, applynetworking.NetworkPolicyPeer().WithPodSelector(applymeta.LabelSelector())))
	if operatorNamespace != "" && !isForeign(cache) {
		spec.WithIngress(ingress(metricsPort, applynetworking.NetworkPolicyPeer().
			WithNamespaceSelector(applymeta.LabelSelector().WithMatchLabels(map[string]string{corev1.LabelMetadataName: operatorNamespace})).
			WithPodSelector(applymeta.LabelSelector().WithMatchLabels(map[string]string{labelName: operatorApp}))))
	}
	return applynetworking.NetworkPolicy(registryName(cache), cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithSpec(spec)
}

func ingress(port int32, from *applynetworking.NetworkPolicyPeerApplyConfiguration) *applynetworking.NetworkPolicyIngressRuleApplyConfiguration {
	return applynetworking.NetworkPolicyIngressRule().
		WithFrom(from).
		WithPorts(applynetworking.NetworkPolicyPort().
			WithProtocol(corev1.ProtocolTCP).
			WithPort(intstr.FromInt32(port)))
}

// disruptionBudget has a drain of nodes take one replica at a time.
func disruptionBudget(cache *v1alpha1.OrasCache) *applypolicy.PodDisruptionBudgetApplyConfiguration {
	return applypolicy.PodDisruptionBudget(registryName(cache), cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithSpec(applypolicy.PodDisruptionBudgetSpec().
			WithMaxUnavailable(intstr.FromInt32(1)).
			WithSelector(applymeta.LabelSelector().WithMatchLabels(selectorOf(cache))))
}

// guards are the objects that keep the registry from others' reach and from going away all at once. A single replica has no
// budget, which would be no help to it but to be in the way of every drain.
func guards(cache *v1alpha1.OrasCache, operatorNamespace string) []applyConfiguration {
	var all []applyConfiguration
	if ptr.Deref(cache.Spec.NetworkPolicy.Create, true) {
		all = append(all, networkPolicy(cache, operatorNamespace))
	}
	if replicasOf(cache) > 1 {
		all = append(all, disruptionBudget(cache))
	}
	return all
}
