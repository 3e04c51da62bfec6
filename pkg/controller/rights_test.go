package controller

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// held are the rules of the operator's own role, in all namespaces.
func held(t *testing.T) []rbacv1.PolicyRule {
	t.Helper()
	data, err := os.ReadFile("../../config/rbac/operator.yaml")
	assert.NilError(t, err)
	var role rbacv1.ClusterRole
	first, _, found := bytes.Cut(data, []byte("\n---\n"))
	assert.Assert(t, found)
	assert.NilError(t, yaml.UnmarshalStrict(first, &role))
	return role.Rules
}

// allows tells whether rules have that right for objects of any name.
func allows(rules []rbacv1.PolicyRule, group, resource, verb string) bool {
	return slices.ContainsFunc(rules, func(rule rbacv1.PolicyRule) bool {
		return slices.Contains(rule.APIGroups, group) && slices.Contains(rule.Resources, resource) &&
			slices.Contains(rule.Verbs, verb) && len(rule.ResourceNames) == 0
	})
}

// The API server lets nobody give what he does not have himself.
func TestTheOperatorHoldsWhatItGives(t *testing.T) {
	rules := held(t)
	given := 0
	for dir, cache := range examples(t) {
		for _, role := range []any{registryRole(cache), clientsRole(cache)} {
			encoded, err := yaml.Marshal(role)
			assert.NilError(t, err)
			var typed rbacv1.Role
			assert.NilError(t, yaml.UnmarshalStrict(encoded, &typed))
			for _, rule := range typed.Rules {
				for _, verb := range rule.Verbs {
					given++
					assert.Check(t, allows(rules, rule.APIGroups[0], rule.Resources[0], verb), "%s: %s %s", dir, verb, rule.Resources[0])
				}
			}
		}
	}
	assert.Assert(t, given > 0)
	for _, verb := range []string{"escalate", "bind"} {
		assert.Check(t, !allows(rules, rbacv1.GroupName, "roles", verb), verb)
	}
}

func TestTheOperatorMayDoWhatTheControllerDoes(t *testing.T) {
	rules := held(t)
	scheme, err := v1alpha1.NewScheme()
	assert.NilError(t, err)
	for _, cache := range examples(t) {
		for _, object := range strings.Split(applied(t, cache), "---\n")[1:] {
			var kind struct{ APIVersion, Kind string }
			assert.NilError(t, yaml.Unmarshal([]byte(object), &kind))
			gvk := schema.FromAPIVersionAndKind(kind.APIVersion, kind.Kind)
			resource, _ := meta.UnsafeGuessKindToResource(gvk)
			for _, verb := range []string{"get", "create", "patch"} {
				assert.Check(t, allows(rules, gvk.Group, resource.Resource, verb), "%s %s", verb, resource.Resource)
			}
		}
	}
	for object := range Watched() {
		kinds, _, err := scheme.ObjectKinds(object)
		assert.NilError(t, err)
		resource, _ := meta.UnsafeGuessKindToResource(kinds[0])
		for _, verb := range []string{"list", "watch"} {
			assert.Check(t, allows(rules, kinds[0].Group, resource.Resource, verb), "%s %s", verb, resource.Resource)
		}
	}
	assert.Assert(t, !allows(rules, "", "secrets", "list"), "nobody looks through the Secrets of others")
}

func TestOnlyWhoAsksTheClusterHasAToken(t *testing.T) {
	for dir, cache := range examples(t) {
		t.Run(dir, func(t *testing.T) {
			want := !isForeign(cache) && (cache.Spec.Auth == v1alpha1.AuthServiceAccount || cache.Spec.Storage.S3 != nil)
			assert.Equal(t, *podSpec(cache, "operator:v1").AutomountServiceAccountToken, want)
			has := slices.ContainsFunc(rights(cache), func(o applyConfiguration) bool { return *o.GetKind() == "RoleBinding" })
			assert.Equal(t, has, want)
		})
	}
}
