package config

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

func TestThePolicyLetsInJustWhatTheManagerIsAskedAt(t *testing.T) {
	all := manifests(t, "default")
	policy := get[networkingv1.NetworkPolicy](t, all, "NetworkPolicy", "oras-operator")
	pod := get[appsv1.Deployment](t, all, "Deployment", "oras-operator").Spec.Template
	assert.Assert(t, labels.SelectorFromSet(policy.Spec.PodSelector.MatchLabels).Matches(labels.Set(pod.Labels)))
	assert.DeepEqual(t, policy.Spec.PolicyTypes, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress})
	assert.Assert(t, cmp.Len(policy.Spec.Ingress, 1))
	assert.Assert(t, cmp.Len(policy.Spec.Ingress[0].From, 0))
	var open, served []int32
	for _, port := range policy.Spec.Ingress[0].Ports {
		open = append(open, port.Port.IntVal)
	}
	for _, port := range pod.Spec.Containers[0].Ports {
		served = append(served, port.ContainerPort)
	}
	assert.DeepEqual(t, open, served)
}

func TestPrometheusFindsTheManager(t *testing.T) {
	all := manifests(t, "prometheus")
	service := get[corev1.Service](t, all, "Service", "oras-operator-metrics")
	pod := get[appsv1.Deployment](t, all, "Deployment", "oras-operator").Spec.Template
	assert.Assert(t, labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)))
	named := func(port corev1.ContainerPort) bool { return port.Name == service.Spec.Ports[0].TargetPort.StrVal }
	assert.Assert(t, slices.ContainsFunc(pod.Spec.Containers[0].Ports, named))

	monitor := all["ServiceMonitor "+namespace+"/oras-operator"].Object
	chosen, _, err := unstructured.NestedStringMap(monitor, "spec", "selector", "matchLabels")
	assert.NilError(t, err)
	for id, o := range all {
		if strings.HasPrefix(id, "Service ") {
			assert.Check(t, cmp.Equal(labels.SelectorFromSet(chosen).Matches(labels.Set(o.GetLabels())), o.GetName() == service.Name), id)
		}
	}
	endpoints, _, err := unstructured.NestedSlice(monitor, "spec", "endpoints")
	assert.NilError(t, err)
	assert.DeepEqual(t, endpoints, []any{map[string]any{"port": service.Spec.Ports[0].Name}})
}

func TestCertManagerKeepsTheCertificateThatTheManagerServes(t *testing.T) {
	all := manifests(t, "cert-manager")
	certificate := all["Certificate "+namespace+"/oras-operator-webhook"]
	secret, _, err := unstructured.NestedString(certificate.Object, "spec", "secretName")
	assert.NilError(t, err)
	names, _, err := unstructured.NestedStringSlice(certificate.Object, "spec", "dnsNames")
	assert.NilError(t, err)
	service := get[corev1.Service](t, all, "Service", "oras-operator-webhook")
	assert.DeepEqual(t, names, []string{service.Name + "." + service.Namespace + ".svc"})

	pod := get[appsv1.Deployment](t, all, "Deployment", "oras-operator").Spec.Template.Spec
	assert.Equal(t, pod.Volumes[0].Secret.SecretName, secret)
	assert.Equal(t, pod.Containers[0].VolumeMounts[0].Name, pod.Volumes[0].Name)
	dir := pod.Containers[0].VolumeMounts[0].MountPath
	assert.Assert(t, slices.Contains(pod.Containers[0].Args, "--webhook-cert-dir="+dir), "%v", pod.Containers[0].Args)
	assert.Assert(t, slices.Contains(pod.Containers[0].Args, "--namespace=$(POD_NAMESPACE)"), "%v", pod.Containers[0].Args)

	for _, kind := range []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
		from := all[kind+" /oras-operator"].GetAnnotations()["cert-manager.io/inject-ca-from"]
		assert.Equal(t, from, certificate.GetNamespace()+"/"+certificate.GetName(), kind)
	}
	authority := all["Issuer "+namespace+"/oras-operator-webhook"]
	signs, _, err := unstructured.NestedString(authority.Object, "spec", "ca", "secretName")
	assert.NilError(t, err)
	made, _, err := unstructured.NestedString(all["Certificate "+namespace+"/oras-operator-webhook-authority"].Object, "spec", "secretName")
	assert.NilError(t, err)
	assert.Equal(t, signs, made)
}

// Whoever may change configurations of webhooks can have every request of the cluster sent to him.
func TestOnlyWhoKeepsCertificatesMayChangeTheWebhooks(t *testing.T) {
	for kustomization, want := range map[string][]string{"default": {"oras-operator-certificates"}, "cert-manager": nil} {
		var may []string
		for id, o := range manifests(t, kustomization) {
			if !strings.HasPrefix(id, "ClusterRole ") {
				continue
			}
			role := get[rbacv1.ClusterRole](t, objects{id: o}, "ClusterRole", o.GetName())
			for _, rule := range role.Rules {
				if slices.Contains(rule.APIGroups, "admissionregistration.k8s.io") {
					may = append(may, role.Name)
					assert.DeepEqual(t, rule.ResourceNames, []string{"oras-operator"})
					assert.DeepEqual(t, rule.Verbs, []string{"get", "patch"})
				}
			}
		}
		assert.DeepEqual(t, may, want)
	}
}

func TestPullSecretsAreNobodysUnlessAskedFor(t *testing.T) {
	for kustomization, bound := range map[string]bool{"default": false, "pull-secrets": true} {
		all := manifests(t, kustomization)
		assert.Assert(t, all["ClusterRole /oras-operator-pull-secrets"] != nil)
		assert.Equal(t, all["ClusterRoleBinding /oras-operator-pull-secrets"] != nil, bound, kustomization)
	}
}
