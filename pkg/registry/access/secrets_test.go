package access_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
	"github.com/converged-computing/oras-operator/test/apiserver"
)

// told sends each authorization in each operation and returns all that may be seen of it: what the answers
// say, and what the registry is given.
func told(t *testing.T, guard *access.Guard, authorizations []string) string {
	t.Helper()
	var seen strings.Builder
	for _, authorization := range authorizations {
		for _, op := range operations() {
			req := httptest.NewRequest(op.method, op.path, nil)
			req.Header.Set("Authorization", authorization)
			rec := httptest.NewRecorder()
			guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				_, _ = fmt.Fprintf(w, "%v", req.Header)
			})).ServeHTTP(rec, req)
			fmt.Fprintf(&seen, "%v %s\n", rec.Header(), rec.Body)
		}
	}
	return seen.String()
}

// secretsIn are the parts of an Authorization header that must not be seen anywhere.
func secretsIn(authorization string) []string {
	_, secret, _ := strings.Cut(authorization, " ")
	if decoded, err := base64.StdEncoding.DecodeString(secret); err == nil {
		_, password, _ := strings.Cut(string(decoded), ":")
		secret += "." + password
	}
	var parts []string
	for part := range strings.SplitSeq(secret, ".") {
		if len(part) > 6 {
			parts = append(parts, part)
		}
	}
	return parts
}

func TestE87NoSecretIsToldOrLogged(t *testing.T) {
	var log bytes.Buffer          // of the guards and of what they do besides requests
	var decisions strings.Builder // of the requests
	opts := access.Options{
		Log:     slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Decided: func(_ *http.Request, d access.Decision) { fmt.Fprintf(&decisions, "%+v\n", d) },
	}
	c := newCluster(t, rsaKey(t, "k1"))
	guard := c.guard(t, opts)
	authorizations := []string{"Bearer " + c.token(t, nil), basic("token", c.token(t, nil)), "Hunter2Hunter2", "Hunter2 Hunter2"}
	for _, tc := range spoiled(t, c) {
		authorizations = append(authorizations, tc.authorization)
	}
	seen := told(t, guard, authorizations)
	c.Change(func(s *apiserver.State) { s.Down = true })
	c.clock.Step(10 * time.Minute)
	seen += told(t, guard, authorizations)

	path := filepath.Join(t.TempDir(), "users")
	hash, err := bcrypt.GenerateFromPassword([]byte("hunter2hunter2"), bcrypt.MinCost)
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(path, []byte("alice:"+string(hash)), 0o600))
	users, err := access.New(t.Context(), access.Config{Auth: access.AuthHtpasswd, HtpasswdFile: path}, opts)
	assert.NilError(t, err)
	defer users.Close()
	seen += told(t, users, append(authorizations, basic("alice", "hunter2hunter2"), basic("alice", "hunter3hunter3"), basic("hunter2hunter2", "alice")))
	guard.Close()
	seen += log.String() + decisions.String()

	assert.Assert(t, strings.Contains(seen, "A request is refused."), "everything was logged")
	for _, secret := range []string{string(hash), "hunter2hunter2", "hunter3hunter3", "Hunter2", apiserver.PodToken} {
		assert.Assert(t, !strings.Contains(seen, secret), "%q is to be seen", secret)
	}
	for _, authorization := range authorizations {
		for _, secret := range secretsIn(authorization) {
			assert.Assert(t, !strings.Contains(seen, secret), "%q is to be seen", secret)
		}
	}
}
