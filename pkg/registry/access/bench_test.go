package access_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
)

// BenchmarkRequest is what one request costs of processor time, without access control and with each kind. The goal is less
// than 50 µs for whoever is known.
func BenchmarkRequest(b *testing.B) {
	c := newCluster(b, rsaKey(b, "k1"))
	path := filepath.Join(b.TempDir(), "users")
	assert.NilError(b, os.WriteFile(path, []byte("alice:"+aliceHash), 0o600))
	for name, bench := range map[string]struct {
		cfg           access.Config
		authorization string
	}{
		"none":           {access.Config{}, ""},
		"serviceaccount": {access.Config{Auth: access.AuthServiceAccount}, basic("token", c.token(b, nil))},
		"stranger":       {access.Config{Auth: access.AuthServiceAccount}, "Bearer " + sign(b, rsaKey(b, "k1"), c.claims(nil))},
		"htpasswd":       {access.Config{Auth: access.AuthHtpasswd, HtpasswdFile: path}, basic("alice", "wonder")},
	} {
		b.Run(name, func(b *testing.B) {
			guard := c.guard(b, access.Options{})
			if bench.cfg.Auth != access.AuthServiceAccount {
				var err error
				guard, err = access.New(b.Context(), bench.cfg, access.Options{})
				assert.NilError(b, err)
				defer guard.Close()
			}
			handler := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
			req := httptest.NewRequest(http.MethodHead, "/v2/step/blobs/"+anyDigest, nil)
			req.Header.Set("Authorization", bench.authorization)
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(httptest.NewRecorder(), req)
			}
		})
	}
}
