package controller

import (
	rbacv1 "k8s.io/api/rbac/v1"
	applycoordination "k8s.io/client-go/applyconfigurations/coordination/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applyrbac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// usesTokens tells whether the registry takes tokens of ServiceAccounts.
func usesTokens(cache *v1alpha1.OrasCache) bool {
	return cache.AuthMode() == v1alpha1.AuthServiceAccount
}

// asksCluster tells whether the registry's pod has something to ask the API server.
func asksCluster(cache *v1alpha1.OrasCache) bool {
	return !isForeign(cache) && (usesTokens(cache) || usesLease(cache))
}

// hasAccount tells whether the registry's pods have a ServiceAccount of their own: where they ask the API server, or a cloud gives it
// rights on the bucket. Any other runs as the namespace's default one, with the pull secrets that people give that.
func hasAccount(cache *v1alpha1.OrasCache) bool {
	return asksCluster(cache) || storageOf(cache) == inBucket
}

// accountOf is the name of the ServiceAccount of the registry's pods. It is never left out: the API server keeps the name that was there
// before in a field of its own, and would take it from that.
func accountOf(cache *v1alpha1.OrasCache) string {
	if hasAccount(cache) {
		return registryName(cache)
	}
	return "default"
}

// serviceAccount is that of the registry's pods. What others write into it, such as annotations for the rights that a cloud gives,
// stays.
func serviceAccount(cache *v1alpha1.OrasCache) *applycore.ServiceAccountApplyConfiguration {
	return applycore.ServiceAccount(registryName(cache), cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithAutomountServiceAccountToken(false)
}

// lease is what the replicas of a registry agree by on who collects. They write all that is in it.
func lease(cache *v1alpha1.OrasCache) *applycoordination.LeaseApplyConfiguration {
	return applycoordination.Lease(registryName(cache), cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache))
}

// registryRole is what the registry itself may do in its namespace: ask who may do what, and hold its own Lease.
func registryRole(cache *v1alpha1.OrasCache) *applyrbac.RoleApplyConfiguration {
	r := role(cache, registryName(cache))
	if usesTokens(cache) {
		r.WithRules(applyrbac.PolicyRule().
			WithAPIGroups("authorization.k8s.io").
			WithResources("localsubjectaccessreviews").
			WithVerbs("create"))
	}
	if usesLease(cache) {
		r.WithRules(applyrbac.PolicyRule().
			WithAPIGroups("coordination.k8s.io").
			WithResources("leases").
			WithResourceNames(registryName(cache)).
			WithVerbs("get", "update"))
	}
	return r
}

// registryBinding gives the registry's pods their role.
func registryBinding(cache *v1alpha1.OrasCache) *applyrbac.RoleBindingApplyConfiguration {
	return binding(cache, registryName(cache)).WithSubjects(applyrbac.Subject().
		WithKind(rbacv1.ServiceAccountKind).
		WithName(registryName(cache)).
		WithNamespace(cache.Namespace))
}

// clientsRole is what every ServiceAccount of the namespace may do in the registry.
func clientsRole(cache *v1alpha1.OrasCache) *applyrbac.RoleApplyConfiguration {
	verbs := []string{"pull"}
	if cache.Spec.DefaultAccess != v1alpha1.AccessPull {
		verbs = append(verbs, "push")
	}
	return role(cache, clientsName(cache)).WithRules(applyrbac.PolicyRule().
		WithAPIGroups(v1alpha1.Group).
		WithResources("orascaches").
		WithResourceNames(cache.Name).
		WithVerbs(verbs...))
}

// clientsBinding gives that role to every ServiceAccount of the namespace.
func clientsBinding(cache *v1alpha1.OrasCache) *applyrbac.RoleBindingApplyConfiguration {
	return binding(cache, clientsName(cache)).WithSubjects(applyrbac.Subject().
		WithKind(rbacv1.GroupKind).
		WithAPIGroup(rbacv1.GroupName).
		WithName("system:serviceaccounts:" + cache.Namespace))
}

func role(cache *v1alpha1.OrasCache, name string) *applyrbac.RoleApplyConfiguration {
	return applyrbac.Role(name, cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache))
}

// binding binds the role of its name.
func binding(cache *v1alpha1.OrasCache, name string) *applyrbac.RoleBindingApplyConfiguration {
	return applyrbac.RoleBinding(name, cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithRoleRef(applyrbac.RoleRef().
			WithAPIGroup(rbacv1.GroupName).
			WithKind("Role").
			WithName(name))
}

// rights are the objects by which the registry may do its work, and its clients theirs.
func rights(cache *v1alpha1.OrasCache) []applyConfiguration {
	var all []applyConfiguration
	if hasAccount(cache) {
		all = append(all, serviceAccount(cache))
	}
	if usesLease(cache) {
		all = append(all, lease(cache))
	}
	if asksCluster(cache) {
		all = append(all, registryRole(cache), registryBinding(cache))
	}
	if usesTokens(cache) && cache.Spec.DefaultAccess != v1alpha1.AccessNone {
		all = append(all, clientsRole(cache), clientsBinding(cache))
	}
	return all
}
