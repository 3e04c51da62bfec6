package webhook

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"
)

func TestPullSecretsAreReadAsAUserOfTheirOwn(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/api/v1/namespaces/team/secrets/pull" {
			assert.Check(t, json.NewEncoder(w).Encode(&metav1.APIResourceList{
				GroupVersion: "v1", APIResources: []metav1.APIResource{{Name: "secrets", Kind: "Secret", Namespaced: true}},
			}))
			return
		}
		assert.Check(t, json.NewEncoder(w).Encode(&corev1.Secret{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{Name: r.Header.Get("Impersonate-User")},
		}))
	}))
	defer server.Close()
	mgr, err := ctrl.NewManager(&rest.Config{Host: server.URL}, ctrl.Options{
		Scheme: clientgoscheme.Scheme, Metrics: metricsserver.Options{BindAddress: "0"},
	})
	assert.NilError(t, err)
	reader, err := pullSecretsReader(mgr)
	assert.NilError(t, err)
	var secret corev1.Secret
	assert.NilError(t, reader.Get(t.Context(), client.ObjectKey{Namespace: "team", Name: "pull"}, &secret))
	assert.Equal(t, secret.Name, PullSecretsUser)
	assert.Equal(t, mgr.GetConfig().Impersonate.UserName, "", "all else is done as the operator")
}

func TestTheRightsThatAreInstalledAreThoseThatMessagesName(t *testing.T) {
	role, operator := &rbacv1.ClusterRole{}, &rbacv1.ClusterRole{}
	read(t, "../../config/rbac/pull_secrets.yaml", role)
	assert.Equal(t, role.Name, PullSecretsRole)
	assert.DeepEqual(t, role.Rules, []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}}})

	binding := &rbacv1.ClusterRoleBinding{}
	read(t, "../../config/components/pull-secrets/binding.yaml", binding)
	assert.Equal(t, binding.RoleRef.Name, PullSecretsRole)
	assert.DeepEqual(t, binding.Subjects, []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: PullSecretsUser}})

	read(t, "../../config/rbac/operator.yaml", operator)
	var become []string
	for _, rule := range operator.Rules {
		if len(rule.Verbs) == 1 && rule.Verbs[0] == "impersonate" {
			become = append(become, rule.ResourceNames...)
		}
	}
	assert.DeepEqual(t, become, []string{PullSecretsUser})
}

// read decodes the first document of a manifest.
func read(t *testing.T, path string, into any) {
	t.Helper()
	file, err := os.Open(path)
	assert.NilError(t, err)
	defer file.Close() //nolint:errcheck // only read from
	first, err := utilyaml.NewYAMLReader(bufio.NewReader(file)).Read()
	assert.NilError(t, err)
	assert.NilError(t, yaml.UnmarshalStrict(first, into))
}
