package config

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const namespace = "oras-operator-system"

func TestTheChartInstallsWhatTheKustomizationsDo(t *testing.T) {
	for kustomization, args := range map[string][]string{
		"default":      nil,
		"prometheus":   {"--set=prometheus.enabled=true"},
		"cert-manager": {"--set=certManager.enabled=true"},
		"pull-secrets": {"--set=pullSecrets.everywhere=true"},
	} {
		t.Run(kustomization, func(t *testing.T) {
			want, got := manifests(t, kustomization), chart(t, namespace, args...)
			delete(want, "Namespace /"+namespace) // --create-namespace makes it
			assert.DeepEqual(t, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			for id, o := range got {
				labels := o.GetLabels()
				for _, own := range []string{"helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version"} {
					assert.Check(t, labels[own] != "", "%s has no label %s", id, own)
					delete(labels, own)
				}
				o.SetLabels(labels)
				if o.GetKind() == "CustomResourceDefinition" {
					annotations := o.GetAnnotations()
					assert.Check(t, cmp.Equal(annotations["helm.sh/resource-policy"], "keep"))
					delete(annotations, "helm.sh/resource-policy")
					o.SetAnnotations(annotations)
				}
				assert.Check(t, cmp.DeepEqual(withoutEmpty(o.Object), withoutEmpty(want[id].Object)), id)
			}
		})
	}
}

// withoutEmpty returns v without nulls and without maps and lists that hold nothing: a field that is left out means the same. An emptiness that
// says something, such as that of selfSigned, is on both sides.
func withoutEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			if v[key] = withoutEmpty(item); v[key] == nil {
				delete(v, key)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = withoutEmpty(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	}
	return v
}

const everyValue = `
image: {repository: "registry.example:5000/operator", tag: v1}
sidecarImage: {repository: registry.example/sidecar, tag: v1, digest: "sha256:` + digest + `"}
imagePullSecrets: [{name: mine}]
replicas: 3
resources: {requests: {cpu: 1, memory: 1Gi}}
nodeSelector: {pool: system}
tolerations: [{key: system, operator: Exists}]
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: [a]}]}]}}}
extraArgs: ["--log-level=debug", '--quoted="<{{ x }}>"']
prometheus: {enabled: true, labels: {release: stack}}
certManager: {enabled: true}
pullSecrets: {namespaces: [team, "42"], everywhere: true}
`

const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// The name of the namespace is a number: unquoted, it would not be one.
func TestEveryValueOfTheChartArrives(t *testing.T) {
	all := chart(t, "123", "--values="+file(t, everyValue))
	valid(t, all)
	deployment := get[appsv1.Deployment](t, all, "Deployment", "oras-operator")
	pod := deployment.Spec.Template.Spec
	assert.Equal(t, deployment.Namespace, "123")
	assert.Equal(t, *deployment.Spec.Replicas, int32(3))
	assert.Equal(t, pod.Containers[0].Image, "registry.example:5000/operator:v1")
	variables := map[string]string{}
	for _, v := range pod.Containers[0].Env {
		variables[v.Name] = v.Value
	}
	assert.Equal(t, variables["OPERATOR_IMAGE"], pod.Containers[0].Image)
	assert.Equal(t, variables["SIDECAR_IMAGE"], "registry.example/sidecar@sha256:"+digest)
	assert.DeepEqual(t, pod.ImagePullSecrets, []corev1.LocalObjectReference{{Name: "mine"}})
	assert.Equal(t, pod.Containers[0].Resources.Requests.Memory().String(), "1Gi")
	assert.Assert(t, pod.Containers[0].Resources.Limits.Memory().String() == "256Mi", "what is not said stays")
	assert.DeepEqual(t, pod.NodeSelector, map[string]string{"pool": "system"})
	assert.Equal(t, pod.Tolerations[0].Key, "system")
	assert.Assert(t, pod.Affinity.NodeAffinity != nil)
	args := pod.Containers[0].Args
	assert.DeepEqual(t, args[len(args)-2:], []string{"--log-level=debug", `--quoted="<{{ x }}>"`})
	assert.Assert(t, slices.Contains(args, "--webhook-cert-dir=/webhook-certificate"))

	hooks := get[admissionv1.MutatingWebhookConfiguration](t, all, "MutatingWebhookConfiguration", "oras-operator")
	assert.Equal(t, hooks.Annotations["cert-manager.io/inject-ca-from"], "123/oras-operator-webhook")
	for _, hook := range hooks.Webhooks {
		assert.Equal(t, hook.ClientConfig.Service.Namespace, "123")
		assert.DeepEqual(t, hook.NamespaceSelector.MatchExpressions[0].Values, []string{"kube-system", "123"})
	}
	for _, id := range []string{"ServiceMonitor 123/oras-operator", "PrometheusRule 123/oras-operator"} {
		assert.Assert(t, all[id] != nil, id)
		assert.Equal(t, all[id].GetLabels()["release"], "stack", id)
	}
	for _, team := range []string{"team", "42"} {
		assert.Assert(t, all["RoleBinding "+team+"/oras-operator-pull-secrets"] != nil, team)
	}
	assert.Assert(t, get[rbacv1.ClusterRoleBinding](t, all, "ClusterRoleBinding", "oras-operator-pull-secrets") != nil)
	for id, o := range all {
		raw, err := yaml.Marshal(o.Object)
		assert.NilError(t, err)
		assert.Check(t, !strings.Contains(string(raw), namespace), "%s names the namespace of the kustomizations:\n%s", id, raw)
	}
}

func TestTheChartLeavesOutWhatIsSwitchedOff(t *testing.T) {
	all := chart(t, namespace, "--set=networkPolicy.enabled=false")
	valid(t, all)
	for id := range all {
		assert.Check(t, !strings.HasPrefix(id, "NetworkPolicy "), id)
	}
}

// valid decodes strictly whatever is of a type that Kubernetes itself has.
func valid(t *testing.T, all objects) {
	t.Helper()
	scheme := runtime.NewScheme()
	assert.NilError(t, clientgoscheme.AddToScheme(scheme))
	assert.NilError(t, apiextensionsv1.AddToScheme(scheme))
	foreign := []string{"cert-manager.io", "monitoring.coreos.com"}
	for id, o := range all {
		kind := schema.FromAPIVersionAndKind(o.GetAPIVersion(), o.GetKind())
		if slices.Contains(foreign, kind.Group) {
			continue
		}
		typed, err := scheme.New(kind)
		assert.NilError(t, err)
		raw, err := yaml.Marshal(o.Object)
		assert.NilError(t, err)
		assert.Check(t, yaml.UnmarshalStrict(raw, typed), id)
	}
}
