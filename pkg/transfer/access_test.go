package transfer_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

func TestCredentialsAreNowhereToBeSeen(t *testing.T) { // E87
	const secret = "hunter2-secret"
	registry := testregistry.Start(t)
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if _, password, _ := r.BasicAuth(); password != secret {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	r := transfer.Registry{Host: registry.Host, PlainHTTP: true, Credential: auth.StaticCredential(registry.Host, auth.Credential{Username: "u", Password: secret})}
	repo, err := r.Repository("secret")
	assert.NilError(t, err)
	_, err = transfer.Resolve(t.Context(), repo, "v1", quick())
	assert.ErrorContains(t, err, "403")
	assert.Assert(t, !strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err.Error()), secret))
}

func TestE78CredentialsAreReadAnew(t *testing.T) {
	registry := testregistry.Start(t)
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if _, password, _ := r.BasicAuth(); password == "new" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	path := filepath.Join(t.TempDir(), "config.json")
	write := func(auth string) {
		config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, registry.Host, auth)
		assert.NilError(t, os.WriteFile(path, []byte(config), 0o600))
	}
	r := transfer.Registry{Host: registry.Host, PlainHTTP: true, Credential: transfer.DockerCredentials(path)}
	repo, err := r.Repository("rotated")
	assert.NilError(t, err)
	_, err = transfer.Resolve(t.Context(), repo, "v1", quick())
	assert.Assert(t, transfer.Final(err) && !errors.Is(err, transfer.ErrNotFound), err)
	write("dTpvbGQ=") // u:old
	_, err = transfer.Resolve(t.Context(), repo, "v1", quick())
	assert.ErrorContains(t, err, "401")
	write("dTpuZXc=") // u:new
	_, err = transfer.Resolve(t.Context(), repo, "v1", quick())
	assert.ErrorIs(t, err, transfer.ErrNotFound)
}

func TestE84ARegistryWithTLS(t *testing.T) {
	registry := testregistry.Start(t)
	server := httptest.NewUnstartedServer(registry)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell about the client that hangs up
	server.StartTLS()
	t.Cleanup(server.Close)
	ours := x509.NewCertPool()
	ours.AddCert(server.Certificate())
	for name, test := range map[string]struct {
		registry transfer.Registry
		want     string
	}{
		"whose authority is given":   {transfer.Registry{Host: strings.TrimPrefix(server.URL, "https://"), CA: ours}, "not found"},
		"whose authority is unknown": {transfer.Registry{Host: strings.TrimPrefix(server.URL, "https://")}, "certificate"},
		"that has none":              {transfer.Registry{Host: registry.Host}, "HTTP response to HTTPS client"},
	} {
		t.Run(name, func(t *testing.T) {
			repo, err := test.registry.Repository("a")
			assert.NilError(t, err)
			_, err = transfer.Resolve(t.Context(), repo, "v1", quick())
			assert.ErrorContains(t, err, test.want)
			assert.Assert(t, transfer.Final(err), err)
		})
	}
}

func TestTheUserAgentIsOurs(t *testing.T) {
	registry := testregistry.Start(t)
	var agent atomic.Value
	registry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		agent.Store(r.UserAgent())
		return false
	})
	_, err := transfer.Resolve(t.Context(), repository(t, registry, "a"), "v1", quick())
	assert.ErrorIs(t, err, transfer.ErrNotFound)
	assert.Equal(t, agent.Load(), transfer.UserAgent)
}
