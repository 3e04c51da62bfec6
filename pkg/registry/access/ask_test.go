package access_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
)

const anyDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// operation is a request that a client sends.
type operation struct{ method, path string }

var (
	login  = operation{http.MethodGet, "/v2/"}
	pull   = operation{http.MethodGet, "/v2/step/manifests/v1"}
	look   = operation{http.MethodHead, "/v2/step/manifests/v1"}
	push   = operation{http.MethodPut, "/v2/step/manifests/v1"}
	mount  = operation{http.MethodPost, "/v2/step/blobs/uploads/?mount=" + anyDigest + "&from=other"}
	remove = operation{http.MethodDelete, "/v2/step/manifests/v1"}
)

// operations are one of each kind.
func operations() map[string]operation {
	return map[string]operation{
		"login": login, "pull": pull, "look": look, "push": push, "mount": mount, "delete": remove,
		"catalog": {http.MethodGet, "/v2/_catalog"},
	}
}

// answer is what a guarded registry has answered.
type answer struct {
	status        int
	code, message string
	header        http.Header
	passed        *http.Request // as the registry has got it; nil if it has not
}

// ask sends an operation to what guard guards, with an Authorization header unless that is empty.
func ask(t testing.TB, guard *access.Guard, op operation, authorization string) answer {
	t.Helper()
	req := httptest.NewRequest(op.method, op.path, nil)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	return send(t, guard, req)
}

func send(t testing.TB, guard *access.Guard, req *http.Request) answer {
	t.Helper()
	var got answer
	rec := httptest.NewRecorder()
	guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		got.passed = req
		w.WriteHeader(http.StatusOK)
	})).ServeHTTP(rec, req)
	got.status, got.header = rec.Code, rec.Header()
	if req.Method == http.MethodHead {
		assert.Equal(t, rec.Body.Len(), 0)
		return got
	}
	if rec.Code != http.StatusOK {
		var body struct {
			Errors []struct{ Code, Message string }
		}
		assert.NilError(t, json.Unmarshal(rec.Body.Bytes(), &body), rec.Body.String())
		assert.Equal(t, len(body.Errors), 1)
		got.code, got.message = body.Errors[0].Code, body.Errors[0].Message
	}
	return got
}

// aliceHash is the bcrypt hash of the password "wonder", at the lowest cost.
const aliceHash = `$2a$04$/KRUZ4Wl/KUBbyGrHFImY.Qf6q3wDiRB96HUWouCeuThkmnfiPsy.`
