package plan_test

import (
	"testing"

	"gotest.tools/v3/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

func TestPlainHTTPIsForWhatIsNear(t *testing.T) {
	cases := map[string]struct {
		registry string
		set      *bool
		want     bool
	}{
		"localhost":                                 {"localhost:5000", nil, true},
		"a name below localhost":                    {"registry.localhost", nil, true},
		"a loopback address":                        {"127.0.0.2:5000", nil, true},
		"a loopback address, v6":                    {"[::1]:5000", nil, true},
		"a loopback address, no port":               {"[::1]", nil, true},
		"a Service of the namespace":                {"oras:5000", nil, true},
		"a Service":                                 {"oras.team.svc:5000", nil, true},
		"a name of the internet that has svc in it": {"harbor.prod.svc.example.org", nil, false},
		"a Service, in full":                        {"oras.team.svc.cluster.local:5000", nil, true},
		"an address in the cluster":                 {"10.96.0.7:5000", nil, false},
		"a name with one dot":                       {"oras.team:5000", nil, false},
		"the internet":                              {"ghcr.io", nil, false},
		"what the user says, http":                  {"ghcr.io", new(true), true},
		"what the user says, https":                 {"localhost:5000", new(false), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, ok := plan.Plan{Registry: tc.registry, PlainHTTP: tc.set}.Endpoint()
			assert.Assert(t, ok)
			assert.DeepEqual(t, got, plan.Endpoint{Host: tc.registry, PlainHTTP: tc.want})
		})
	}
	_, ok := plan.Plan{Cache: "oras"}.Endpoint()
	assert.Assert(t, !ok, "an OrasCache has to be asked")
}

func TestAnOrasCacheSaysHowItIsReached(t *testing.T) {
	cases := map[string]struct {
		spec v1alpha1.OrasCacheSpec
		want plan.Endpoint
	}{
		"by anybody": {want: plan.Endpoint{Host: "oras.team.svc:5000", PlainHTTP: true}},
		"by the namespace's own": {
			spec: v1alpha1.OrasCacheSpec{Auth: v1alpha1.AuthServiceAccount},
			want: plan.Endpoint{Host: "oras.team.svc:5000", PlainHTTP: true, Audience: "oras://team/oras"},
		},
		"by users": {
			spec: v1alpha1.OrasCacheSpec{Auth: v1alpha1.AuthHtpasswd},
			want: plan.Endpoint{Host: "oras.team.svc:5000", PlainHTTP: true, Login: "oras-steps"},
		},
		"over HTTPS, by another Service": {
			spec: v1alpha1.OrasCacheSpec{TLS: v1alpha1.TLSSpec{Enabled: true}, Service: v1alpha1.ServiceSpec{Name: "artifacts"}},
			want: plan.Endpoint{Host: "artifacts.team.svc:5000", CAConfigMap: "oras-ca"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cache := &v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "oras"}, Spec: tc.spec}
			assert.DeepEqual(t, plan.OfCache(cache), tc.want)
		})
	}
}
