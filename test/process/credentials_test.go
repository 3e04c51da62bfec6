package process

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// guard is a proxy before a registry that lets in the user "robot": to read by either password, to write by one.
func guard(t *testing.T, registry, pull, push string) (address string) {
	t.Helper()
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: registry})
		r.Out.Host = r.In.Host // the registry tells by it where uploads go on
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if user != "robot" || password != push && (!reads || password != pull) {
			w.Header().Set("WWW-Authenticate", `Basic realm="guard"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// Nothing else that a process prints contains one of these.
const pullPassword, pushPassword, wrongPassword = "kestrel-7", "magpie-8", "walrus-9"

func TestASecretLetsTheSidecarIn(t *testing.T) {
	_, registry := startRegistry(t)
	publish(t, registry, "first:v1")
	files := func(content map[string]string) string {
		dir := t.TempDir()
		for name, text := range content {
			assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		return dir
	}
	login := func(content map[string]string) func(*handoff.Step) {
		return func(step *handoff.Step) { step.LoginDir = files(content) }
	}
	for name, test := range map[string]struct {
		give func(*handoff.Step)
		code int
	}{
		"with one password":                       {login(map[string]string{"ORAS_USER": "robot\n", "ORAS_PASS": pushPassword + "\n"}), 0},
		"with two passwords":                      {login(map[string]string{"ORAS_USER": "robot", "ORAS_PULL_PASS": pullPassword, "ORAS_PUSH_PASS": pushPassword}), 0},
		"with one for everything but pushes":      {login(map[string]string{"ORAS_USER": "robot", "ORAS_PASS": pullPassword, "ORAS_PUSH_PASS": pushPassword}), 0},
		"not with a password that only reads":     {login(map[string]string{"ORAS_USER": "robot", "ORAS_PASS": pullPassword}), handoff.ExitRefused},
		"not with a wrong password":               {login(map[string]string{"ORAS_USER": "robot", "ORAS_PASS": wrongPassword}), handoff.ExitInputs},
		"not without a password":                  {login(map[string]string{"ORAS_USER": "robot"}), handoff.ExitInputs},
		"not without anything":                    {func(*handoff.Step) {}, handoff.ExitInputs},
		"with a Docker configuration of the host": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			address := guard(t, registry, pullPassword, pushPassword)
			p, dir := newTaker(t, address, "first:v1", true)
			p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "second:v1", Path: dir}}
			if test.give == nil {
				auth := base64.StdEncoding.EncodeToString([]byte("robot:" + pushPassword))
				config := files(map[string]string{"config.json": fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, address, auth)})
				p.step.DockerConfig = filepath.Join(config, "config.json")
			} else {
				test.give(&p.step)
			}
			sidecar := p.sidecar(t)
			app := p.app(t, t.TempDir(), "find "+dir+" -type f -exec touch {} +")
			assert.Equal(t, app.exitCode(t), test.code)
			for _, password := range []string{pullPassword, pushPassword, wrongPassword} {
				for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte("robot:" + password))} {
					assert.Assert(t, !strings.Contains(sidecar.output.String()+p.terminationMessage(t), secret), "the password is told")
				}
			}
			if test.code == 0 {
				assertWhole(t, registry, "second:v1", "first:v1")
			} else {
				assert.Assert(t, is.Contains(p.terminationMessage(t), ":v1"))
			}
		})
	}
}
