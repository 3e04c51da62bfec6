package access_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"gotest.tools/v3/assert"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
)

const (
	issuer   = "https://kubernetes.default.svc"
	audience = "oras://alpha/oras"
	podToken = "the-registry-pods-own-token"
	account  = "system:serviceaccount:alpha:step"
)

// signingKey is a key of the cluster.
type signingKey struct {
	id     string
	signer jose.Signer
	public any
}

func rsaKey(t testing.TB, id string) signingKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	assert.NilError(t, err)
	return newKey(t, id, jose.RS256, key, key.Public())
}

func ecKey(t testing.TB, id string) signingKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	return newKey(t, id, jose.ES256, key, key.Public())
}

func newKey(t testing.TB, id string, algorithm jose.SignatureAlgorithm, private, public any) signingKey {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: private}, (&jose.SignerOptions{}).WithHeader("kid", id))
	assert.NilError(t, err)
	return signingKey{id: id, signer: signer, public: public}
}

// cluster is an API server as far as a registry asks it: its keys, and a RBAC that is a list of who may what.
type cluster struct {
	clock  *clocktesting.FakeClock
	server *httptest.Server
	key    signingKey // of the cluster, and listed unless a test says otherwise

	mu      sync.Mutex
	listed  []signingKey
	rights  map[string][]access.Right // by user
	asked   []authorizationv1.LocalSubjectAccessReview
	fetched int // how often the keys were
	down    bool
	hold    chan struct{} // reviews wait until it is closed
}

func newCluster(t testing.TB, key signingKey) *cluster {
	t.Helper()
	c := &cluster{
		clock:  clocktesting.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)),
		key:    key,
		listed: []signingKey{key},
		rights: map[string][]access.Right{account: {access.Pull, access.Push, access.Delete}},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"https://elsewhere.invalid/openid/v1/jwks"}`, issuer)
	})
	mux.HandleFunc("GET /openid/v1/jwks", c.jwks)
	mux.HandleFunc("POST /apis/authorization.k8s.io/v1/namespaces/{namespace}/localsubjectaccessreviews", c.review)
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case c.isDown():
			http.Error(w, "etcd is gone", http.StatusInternalServerError)
		case req.Header.Get("Authorization") != "Bearer "+podToken:
			http.Error(w, "who are you", http.StatusUnauthorized)
		default:
			mux.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(c.server.Close)
	return c
}

func (c *cluster) jwks(w http.ResponseWriter, req *http.Request) {
	if !strings.Contains(req.Header.Get("Accept"), "application/jwk-set+json") {
		http.Error(w, "not acceptable", http.StatusNotAcceptable)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fetched++
	var set jose.JSONWebKeySet
	for _, key := range c.listed {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.public, KeyID: key.id, Use: "sig"})
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_ = json.NewEncoder(w).Encode(set)
}

func (c *cluster) review(w http.ResponseWriter, req *http.Request) {
	var review authorizationv1.LocalSubjectAccessReview
	if err := json.NewDecoder(req.Body).Decode(&review); err != nil || review.Namespace != req.PathValue("namespace") {
		http.Error(w, "not a review of this namespace", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.asked = append(c.asked, review)
	hold := c.hold
	for _, right := range c.rights[review.Spec.User] {
		if string(right) == review.Spec.ResourceAttributes.Verb {
			review.Status.Allowed = true
		}
	}
	c.mu.Unlock()
	if hold != nil {
		<-hold
	}
	review.APIVersion, review.Kind = "authorization.k8s.io/v1", "LocalSubjectAccessReview"
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(review)
}

// change changes what c answers from now on.
func (c *cluster) change(how func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	how()
}

func (c *cluster) isDown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.down
}

func (c *cluster) questions() []authorizationv1.LocalSubjectAccessReview {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

func (c *cluster) fetches() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fetched
}

// claims are what the API server puts into a token of account; change may spoil them.
func (c *cluster) claims(change func(map[string]any)) map[string]any {
	said := map[string]any{
		"iss": issuer,
		"sub": account,
		"aud": []string{audience},
		"iat": c.clock.Now().Unix(),
		"nbf": c.clock.Now().Unix(),
		"exp": c.clock.Now().Add(time.Hour).Unix(),
		"jti": "4b0b6ab9-0e5d-4b7a-93b8-fb1d3e3b0f57",
		"kubernetes.io": map[string]any{
			"namespace":      "alpha",
			"serviceaccount": map[string]any{"name": "step", "uid": "sa-uid"},
			"pod":            map[string]any{"name": "step-x7", "uid": "pod-uid"},
			"node":           map[string]any{"name": "node-1", "uid": "node-uid"},
		},
	}
	if change != nil {
		change(said)
	}
	return said
}

// token signs claims with the cluster's key.
func (c *cluster) token(t testing.TB, change func(map[string]any)) string {
	t.Helper()
	return sign(t, c.key.signer, c.claims(change))
}

func sign(t testing.TB, signer jose.Signer, said map[string]any) string {
	t.Helper()
	token, err := jwt.Signed(signer).Claims(said).Serialize()
	assert.NilError(t, err)
	return token
}

// guard makes what guards the registry of the OrasCache alpha/oras.
func (c *cluster) guard(t testing.TB, opts access.Options) *access.Guard {
	t.Helper()
	opts.Kubernetes = &rest.Config{Host: c.server.URL, BearerToken: podToken}
	opts.Clock = c.clock
	guard, err := access.New(t.Context(), access.Config{Auth: access.AuthServiceAccount, Cache: "alpha/oras"}, opts)
	assert.NilError(t, err)
	t.Cleanup(guard.Close)
	return guard
}
