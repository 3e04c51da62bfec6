package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/converged-computing/oras-operator/test/bench/server"
)

// cluster is an API server as far as a registry asks it: whose tokens are good, and that all may do everything.
type cluster struct {
	server *httptest.Server
	dir    string // what a pod has of its ServiceAccount
	token  string // of a step
}

const (
	cacheName = "alpha/oras"
	account   = "system:serviceaccount:alpha:step"
)

func newCluster(scratch string) (*cluster, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: filepath.Join(scratch, "serviceaccount")}
	mux := http.NewServeMux()
	c.server = httptest.NewTLSServer(mux)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"issuer": c.server.URL, "jwks_uri": c.server.URL + "/openid/v1/jwks"})
	})
	mux.HandleFunc("GET /openid/v1/jwks", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: keyID, Use: "sig"}}})
	})
	mux.HandleFunc("POST /apis/authorization.k8s.io/v1/namespaces/{namespace}/localsubjectaccessreviews", allow)
	if err := c.prepare(key); err != nil {
		c.server.Close()
		return nil, err
	}
	return c, nil
}

const keyID = "bench"

func answer(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what) // who asked sees that it is not whole
}

// allow answers every review.
func allow(w http.ResponseWriter, req *http.Request) {
	var review authorizationv1.LocalSubjectAccessReview
	if err := json.NewDecoder(req.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	review.APIVersion, review.Kind = "authorization.k8s.io/v1", "LocalSubjectAccessReview"
	review.Status.Allowed = true
	answer(w, http.StatusCreated, review)
}

// prepare makes what a pod has of its ServiceAccount, and the token of a step.
func (c *cluster) prepare(key *ecdsa.PrivateKey) error {
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		return err
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.server.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(c.dir, "ca.crt"), authority, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, "token"), []byte("of the registry's pod"), 0o644); err != nil {
		return err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", keyID))
	if err != nil {
		return err
	}
	c.token, err = jwt.Signed(signer).Claims(map[string]any{
		"iss": c.server.URL, "sub": account, "aud": []string{"oras://" + cacheName},
		"iat": time.Now().Unix(), "nbf": time.Now().Unix(), "exp": time.Now().Add(24 * time.Hour).Unix(),
		"kubernetes.io": map[string]any{"namespace": "alpha", "serviceaccount": map[string]any{"name": "step", "uid": "step-uid"}},
	}).Serialize()
	return err
}

// contender is our registry as in a pod of c: in mounts of its own, where that of a ServiceAccount is in its place.
func (c *cluster) contender(operator string) contender {
	own := server.Own(operator, "--auth=serviceaccount", "--cache="+cacheName)
	inPod := func(dir, addr string) ([]string, error) {
		args, err := own.Command(dir, addr)
		if err != nil {
			return nil, err
		}
		at, err := url.Parse(c.server.URL)
		if err != nil {
			return nil, err
		}
		const script = `set -e; mount -t tmpfs tmpfs /var/run; mkdir -p /var/run/secrets/kubernetes.io
cp -r "$1" /var/run/secrets/kubernetes.io/serviceaccount; export KUBERNETES_SERVICE_HOST="$2" KUBERNETES_SERVICE_PORT="$3"; shift 3; exec "$@"`
		return append([]string{"unshare", "--mount", "/bin/sh", "-c", script, "registry", c.dir, at.Hostname(), at.Port()}, args...), nil
	}
	return contender{
		name: nameOursTokens, authorization: "Bearer " + c.token,
		kind: server.Kind{Name: fmt.Sprintf("%s with ServiceAccounts", own.Name), Command: inPod},
	}
}
