// Package testregistry is the registry that the tests of pkg/transfer talk to: distribution itself, in process, with its
// data in a temporary directory, and a handler in front that can make it fail.
package testregistry

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // registers the driver named below
	"github.com/sirupsen/logrus"
)

// Fault stands in front of a registry. It answers the request and returns true, or returns false to let it through,
// possibly after changing it.
type Fault func(w http.ResponseWriter, r *http.Request) bool

// Registry is a running registry.
type Registry struct {
	Host string // host:port, plain HTTP
	Root string // directory of its data

	mu       sync.Mutex
	fault    Fault
	requests []string
	server   *httptest.Server
	app      http.Handler
}

// Start runs a registry until the test ends.
func Start(t testing.TB) *Registry {
	t.Helper()
	logrus.SetOutput(io.Discard) // distribution has no other way
	root := t.TempDir()
	config := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem":  configuration.Parameters{"rootdirectory": root},
			"maintenance": configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}},
			"delete":      configuration.Parameters{"enabled": true},
		},
	}
	config.Log.AccessLog.Disabled = true
	config.HTTP.Secret = "not a secret"
	config.Catalog.MaxEntries = 1000 // the default of a configuration that was read from a file
	r := &Registry{Root: root, app: handlers.NewApp(context.Background(), config)}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.Stop)
	r.Host = strings.TrimPrefix(r.server.URL, "http://")
	return r
}

// Stop ends the registry, connections included. What it held is gone.
func (r *Registry) Stop() {
	r.server.CloseClientConnections()
	r.server.Close()
}

// SetFault puts a fault in front of the registry, or takes it away with nil.
func (r *Registry) SetFault(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
}

// Requests returns "METHOD /path" of all requests since the last call.
func (r *Registry) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.requests
	r.requests = nil
	return all
}

// ServeHTTP serves one request.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	fault := r.fault
	r.requests = append(r.requests, req.Method+" "+req.URL.Path)
	r.mu.Unlock()
	if fault == nil || !fault(w, req) {
		r.app.ServeHTTP(w, req)
	}
}

// Serve lets a request through from within a fault.
func (r *Registry) Serve(w http.ResponseWriter, req *http.Request) { r.app.ServeHTTP(w, req) }
