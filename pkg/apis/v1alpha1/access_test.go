package v1alpha1_test

import (
	"testing"

	"gotest.tools/v3/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

func TestWhatAClientNeedsToKnow(t *testing.T) {
	type known struct {
		endpoint, configMap, audience, credentials string
		tls                                        bool
	}
	for name, tc := range map[string]struct {
		spec v1alpha1.OrasCacheSpec
		want known
	}{
		"of a registry that is open": {want: known{endpoint: "oras.flow.svc:5000"}},
		"of one with another Service": {
			spec: v1alpha1.OrasCacheSpec{Service: v1alpha1.ServiceSpec{Name: "artifacts"}},
			want: known{endpoint: "artifacts.flow.svc:5000"},
		},
		"of one with TLS": {
			spec: v1alpha1.OrasCacheSpec{TLS: v1alpha1.TLSSpec{Enabled: true}},
			want: known{endpoint: "oras.flow.svc:5000", tls: true, configMap: "oras-ca"},
		},
		"of one with tokens": {
			spec: v1alpha1.OrasCacheSpec{Auth: v1alpha1.AuthServiceAccount},
			want: known{endpoint: "oras.flow.svc:5000", audience: "oras://flow/oras"},
		},
		"of one with users": {
			spec: v1alpha1.OrasCacheSpec{Auth: v1alpha1.AuthHtpasswd},
			want: known{endpoint: "oras.flow.svc:5000", credentials: "oras-steps"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cache := v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Namespace: "flow", Name: "oras"}, Spec: tc.spec}
			got := known{
				endpoint: cache.Endpoint(), tls: cache.UsesTLS(), configMap: cache.CASource(),
				audience: cache.TokenAudience(), credentials: cache.CredentialsSource(),
			}
			assert.Equal(t, got, tc.want)
		})
	}
}
