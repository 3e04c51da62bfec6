// Package apiserver stands in for an API server, as far as a registry asks one: which keys sign the cluster's tokens, who may do
// what, and which replica collects garbage. It is no Kubernetes: that a real one answers the same is tested on a cluster.
package apiserver

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
)

// Server answers over TLS, and nobody but the registry's own pod.
type Server struct {
	http *httptest.Server
	key  Key

	mu      sync.Mutex
	state   State
	reviews []authorizationv1.LocalSubjectAccessReview
	fetches int
	leases  map[string]*lease // by namespace/name
}

// State is what the answers depend on.
type State struct {
	// Keys are those of the cluster that are listed.
	Keys []Key
	// Rights are what each user may do.
	Rights Rights
	// Down has every request fail.
	Down bool
	// Hold has reviews wait until it is closed, unless it is nil.
	Hold chan struct{}
}

// Rights are what users may do; see [User].
type Rights map[string][]access.Right

// Start starts a server, which lists the key that its tokens are signed with. Close ends it.
func Start(key Key, rights Rights) *Server {
	s := &Server{key: key, state: State{Keys: []Key{key}, Rights: rights}, leases: map[string]*lease{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", s.discover)
	mux.HandleFunc("GET /openid/v1/jwks", s.listKeys)
	mux.HandleFunc("POST /apis/authorization.k8s.io/v1/namespaces/{namespace}/localsubjectaccessreviews", s.review)
	mux.HandleFunc("GET "+leasesPath+"/{name}", s.getLease)
	mux.HandleFunc("POST "+leasesPath, s.createLease)
	mux.HandleFunc("PUT "+leasesPath+"/{name}", s.updateLease)
	s.http = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case s.isDown():
			http.Error(w, "etcd is gone", http.StatusInternalServerError)
		case req.Header.Get("Authorization") != "Bearer "+PodToken:
			http.Error(w, "who are you", http.StatusUnauthorized)
		default:
			mux.ServeHTTP(w, req)
		}
	}))
	return s
}

// Close ends the server, once it has answered what it was asked.
func (s *Server) Close() { s.http.Close() }

// Change changes what the server answers from now on.
func (s *Server) Change(how func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how(&s.state)
}

// Reviews are all that were asked for.
func (s *Server) Reviews() []authorizationv1.LocalSubjectAccessReview {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reviews)
}

// Fetches is how often the keys were asked for.
func (s *Server) Fetches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

func (s *Server) isDown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Down
}

// answer answers with an object in JSON.
func answer(w http.ResponseWriter, status int, contentType string, object any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // an error means that who asked is gone
}
