package process

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// warden is a proxy before a registry that lets in who has the token of the moment, which is that of a file too.
type warden struct {
	file    string
	address string
	ca      string // PEM file; empty: it speaks HTTP

	mu       sync.Mutex
	token    string
	replaced int             // how often
	wrong    int             // requests that were refused for their token
	denies   map[string]bool // methods that the token gives no right to
}

// startWarden guards the registry, over HTTPS if so told.
func startWarden(t *testing.T, registry string, secure bool) *warden {
	t.Helper()
	w := &warden{file: filepath.Join(t.TempDir(), "token")}
	w.replace(t)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: registry})
		r.SetXForwarded() // the registry tells by it where uploads go on
		r.Out.Host = r.In.Host
	}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.lets(t, rw, r) {
			proxy.ServeHTTP(rw, r)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell about clients that hang up
	if secure {
		server.StartTLS()
		w.ca = filepath.Join(t.TempDir(), "ca.crt")
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		assert.NilError(t, os.WriteFile(w.ca, block, 0o600))
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	w.address = server.Listener.Addr().String()
	return w
}

// replace makes another token the right one, as the kubelet does when one is about to expire.
func (w *warden) replace(t *testing.T) {
	t.Helper()
	w.replaced++
	w.token = fmt.Sprintf("condor-%d-secret", w.replaced)
	next := w.file + ".next"
	assert.Check(t, os.WriteFile(next, []byte(w.token), 0o600))
	assert.Check(t, os.Rename(next, w.file))
}

// lets tells whether a request may go on, and answers it if not. The content of a blob arrives with a token that has just been
// replaced, once.
func (w *warden) lets(t *testing.T, rw http.ResponseWriter, r *http.Request) bool {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if (r.Method == http.MethodPatch || r.Method == http.MethodPut) && w.replaced == 1 {
		w.replace(t)
	}
	_, token, _ := r.BasicAuth()
	status, why := http.StatusForbidden, `{"errors":[{"code":"DENIED","message":"ServiceAccount default may not do that"}]}`
	switch {
	case token == w.token && !w.denies[r.Method]:
		return true
	case token != w.token:
		w.wrong++
		rw.Header().Set("WWW-Authenticate", `Basic realm="guard"`)
		status, why = http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","message":"the token is for somebody else"}]}`
	}
	rw.WriteHeader(status)
	_, _ = fmt.Fprint(rw, why)
	return false
}

// admit gives a step what lets it in.
func (w *warden) admit(step *handoff.Step) {
	step.Registry, step.TokenFile, step.CAFile, step.PlainHTTP = w.address, w.file, w.ca, w.ca == ""
}

func TestE78ATokenThatRotatesLetsTheSidecarIn(t *testing.T) {
	_, registry := startRegistry(t)
	publish(t, registry, "first:v1")
	for name, secure := range map[string]bool{"over HTTP": false, "over HTTPS": true} {
		eachWay(t, name, func(t *testing.T, mounted bool) {
			w := startWarden(t, registry, secure)
			output := strings.ReplaceAll(strings.ToLower(t.Name()[strings.Index(t.Name(), "/")+1:]), "_", "-")
			p, dir := newTaker(t, w.address, "first:v1", mounted)
			p.step.Outputs = []handoff.Output{{Container: "app", Artifact: output + ":v1", Path: dir}}
			w.admit(&p.step)
			sidecar := p.sidecar(t)
			// The content is new, so that it has to be sent.
			app := p.app(t, t.TempDir(), "date +%N > "+dir+"/new; find "+dir+" -type f -exec touch {} +")
			assert.Equal(t, app.exitCode(t), 0)
			assert.DeepEqual(t, tags(t, registry, output), []string{"v1"})
			w.mu.Lock()
			defer w.mu.Unlock()
			assert.Equal(t, w.replaced, 2)
			assert.Assert(t, w.wrong > 0, "no request had a token that was replaced")
			for _, secret := range []string{"condor", base64.StdEncoding.EncodeToString([]byte("token:condor"))[:14]} {
				assert.Assert(t, !strings.Contains(sidecar.output.String(), secret), "the token is told")
			}
		})
	}
}

func TestWhoMayNotReadsTheRegistrysOwnReason(t *testing.T) {
	_, registry := startRegistry(t)
	publish(t, registry, "first:v1")
	for name, test := range map[string]struct {
		change func(*warden, *handoff.Step)
		code   int
		why    string
	}{
		"to pull": {
			func(w *warden, _ *handoff.Step) {
				w.denies = map[string]bool{http.MethodHead: true, http.MethodGet: true}
			},
			handoff.ExitInputs, "403 Forbidden: denied: ServiceAccount default may not do that",
		},
		"to push": {
			func(w *warden, _ *handoff.Step) {
				w.denies = map[string]bool{http.MethodPost: true, http.MethodPut: true}
			},
			handoff.ExitRefused, "403 Forbidden: denied: ServiceAccount default may not do that",
		},
		"with a token of another": {
			func(w *warden, step *handoff.Step) {
				step.TokenFile = filepath.Join(filepath.Dir(w.file), "other")
				assert.NilError(t, os.WriteFile(step.TokenFile, []byte("of-another"), 0o600))
			},
			handoff.ExitInputs, "401 Unauthorized: unauthorized: the token is for somebody else",
		},
		"with no token": {
			func(_ *warden, step *handoff.Step) { step.TokenFile = "" },
			handoff.ExitInputs, "name a Secret with the key credentials",
		},
		"without the authority": {
			func(_ *warden, step *handoff.Step) { step.CAFile = "" },
			handoff.ExitInputs, "certificate signed by unknown authority",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := startWarden(t, registry, true)
			p, dir := newTaker(t, w.address, "first:v1", true)
			p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "second:v1", Path: dir}}
			w.admit(&p.step)
			test.change(w, &p.step)
			p.sidecar(t)
			app := p.app(t, t.TempDir(), "date +%N > "+dir+"/new")
			assert.Equal(t, app.exitCode(t), test.code)
			assert.Assert(t, is.Contains(p.terminationMessage(t), test.why))
		})
	}
}
