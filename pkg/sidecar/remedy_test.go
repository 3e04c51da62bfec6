package sidecar

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

func TestWhoIsNotLetInIsToldWhatToDo(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	assert.NilError(t, os.WriteFile(token, []byte("a token"), 0o600))
	login := t.TempDir()
	for _, name := range []string{loginUser, loginPassword} {
		assert.NilError(t, os.WriteFile(filepath.Join(login, name), []byte("robot"), 0o600))
	}
	for name, test := range map[string]struct {
		step   handoff.Step
		status int
		body   string
		want   string
	}{
		"nobody":                {handoff.Step{}, http.StatusUnauthorized, "", "name a Secret with the key credentials"},
		"a token":               {handoff.Step{TokenFile: token}, http.StatusUnauthorized, "", "does not take the token of the pod's ServiceAccount"},
		"a token, with a right": {handoff.Step{TokenFile: token}, http.StatusForbidden, "", "by a RoleBinding"},
		"a password":            {handoff.Step{LoginDir: login}, http.StatusUnauthorized, "", "does not take the user and password"},
		"a user":                {handoff.Step{LoginDir: login}, http.StatusForbidden, "", "does not allow it to whom the step names"},
		"by the registry itself": {
			handoff.Step{TokenFile: token}, http.StatusForbidden,
			`{"errors":[{"code":"DENIED","message":"default may not push"}]}`, "403 Forbidden: denied: default may not push",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status := test.status
				if _, _, ok := r.BasicAuth(); !ok {
					w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
					status = http.StatusUnauthorized
				}
				w.WriteHeader(status)
				_, _ = fmt.Fprint(w, test.body)
			}))
			t.Cleanup(server.Close)
			test.step.Registry, test.step.PlainHTTP = strings.TrimPrefix(server.URL, "http://"), true
			s := New(test.step, nil, nil)
			repo, err := s.to.Repository("a")
			assert.NilError(t, err)
			_, err = transfer.Resolve(t.Context(), repo, "v1", transfer.Retry{})
			refused := s.outputFailure(err)
			assert.Equal(t, refused.Code, handoff.ExitRefused)
			assert.Assert(t, strings.HasSuffix(refused.Message, s.inputFailure(err).Message))
			assert.Assert(t, strings.Contains(refused.Message, test.want), refused.Message)
			assert.Equal(t, s.inputFailure(err).Code, handoff.ExitInputs)
		})
	}
	s := New(handoff.Step{TokenFile: token}, nil, nil)
	assert.Equal(t, s.inputFailure(errors.New("no disk")).Message, "no disk")
}
