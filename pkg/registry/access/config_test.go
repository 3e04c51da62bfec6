package access_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"gotest.tools/v3/assert"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
)

func TestABadConfigurationIsAnError(t *testing.T) {
	tests := map[string]struct {
		cfg  access.Config
		want string // "": it is good
	}{
		"nothing":                       {access.Config{}, ""},
		"none":                          {access.Config{Auth: "none"}, ""},
		"a ServiceAccount":              {access.Config{Auth: "serviceaccount", Cache: "alpha/oras"}, ""},
		"a file":                        {access.Config{Auth: "htpasswd", HtpasswdFile: "users"}, ""},
		"another way":                   {access.Config{Auth: "ldap"}, `auth: there is no "ldap"; write none, serviceaccount or htpasswd`},
		"a ServiceAccount of no cache":  {access.Config{Auth: "serviceaccount"}, `cache: "" is not NAMESPACE/NAME of an OrasCache`},
		"a cache without its namespace": {access.Config{Auth: "serviceaccount", Cache: "oras"}, `cache: "oras" is not`},
		"a cache with too much":         {access.Config{Auth: "serviceaccount", Cache: "a/b/c"}, `cache: "a/b/c" is not`},
		"a cache with a bad name":       {access.Config{Auth: "serviceaccount", Cache: "a/B"}, `cache: "a/B" is not`},
		"htpasswd without its file":     {access.Config{Auth: "htpasswd"}, "htpasswdFile: it is empty"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := tc.cfg.Validate()
			if tc.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.ErrorContains(t, err, tc.want)
			_, err = access.New(t.Context(), tc.cfg, access.Options{})
			assert.ErrorContains(t, err, tc.want, "New checks too")
		})
	}
}

func TestTheConfigurationIsReadAsItsPageShowsIt(t *testing.T) {
	var cfg access.Config
	assert.NilError(t, yaml.UnmarshalStrict([]byte("{auth: htpasswd, cache: alpha/oras, htpasswdFile: users}"), &cfg))
	assert.DeepEqual(t, cfg, access.Config{Auth: access.AuthHtpasswd, Cache: "alpha/oras", HtpasswdFile: "users"})
}

func TestWithoutAccessControlEverythingGoesThroughAsItCame(t *testing.T) {
	guard, err := access.New(t.Context(), access.Config{}, access.Options{Decided: func(*http.Request, access.Decision) {
		t.Error("there was nothing to decide")
	}})
	assert.NilError(t, err)
	defer guard.Close()
	for _, op := range operations() {
		req := httptest.NewRequest(op.method, op.path, nil)
		got := send(t, guard, req)
		assert.Equal(t, got.passed, req)
	}
}
