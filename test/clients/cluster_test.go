package clients

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"gotest.tools/v3/assert"
	authorizationv1 "k8s.io/api/authorization/v1"
)

// issuer is who makes the cluster's tokens.
const issuer = "https://kubernetes.default.svc"

// ownToken is that of the registry's pod.
const ownToken = "the-registry-pods-own-token"

// cluster stands in for an API server as far as a registry asks one: what its tokens are signed with, and who may do what. It is
// no Kubernetes: that a real one's tokens and roles do the same, the end-to-end suite shows (TestE86…).
type cluster struct {
	server *httptest.Server
	key    *ecdsa.PrivateKey
	rights map[string][]string // verbs, by ServiceAccount of the namespace alpha
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	c := &cluster{key: key, rights: map[string][]string{"step": {"pull", "push", "delete"}, "reader": {"pull"}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer":%q}`, issuer) // an error means that who asked is gone
	})
	mux.HandleFunc("GET /openid/v1/jwks", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Use: "sig"}}})
	})
	mux.HandleFunc("POST /apis/authorization.k8s.io/v1/namespaces/alpha/localsubjectaccessreviews", c.review)
	c.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != "Bearer "+ownToken {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, req)
	}))
	t.Cleanup(c.server.Close)
	return c
}

// review answers who may do what.
func (c *cluster) review(w http.ResponseWriter, req *http.Request) {
	var review authorizationv1.LocalSubjectAccessReview
	if err := json.NewDecoder(req.Body).Decode(&review); err != nil || review.Spec.ResourceAttributes == nil {
		http.Error(w, "not a review", http.StatusBadRequest)
		return
	}
	for account, verbs := range c.rights {
		if review.Spec.User == subject(account) && slices.Contains(verbs, review.Spec.ResourceAttributes.Verb) {
			review.Status.Allowed = true
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(review)
}

// subject is the user that a ServiceAccount of the namespace alpha is.
func subject(account string) string { return "system:serviceaccount:alpha:" + account }

// token is one of a ServiceAccount of the namespace alpha, as an API server makes it.
func (c *cluster) token(t *testing.T, account, audience string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: c.key}, (&jose.SignerOptions{}).WithHeader("kid", "k1"))
	assert.NilError(t, err)
	token, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": issuer,
		"sub": subject(account),
		"aud": []string{audience},
		"nbf": time.Now().Unix(),
		"exp": time.Now().Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{
			"namespace":      "alpha",
			"serviceaccount": map[string]any{"name": account, "uid": "9d6b0c1e"},
		},
	}).Serialize()
	assert.NilError(t, err)
	return token
}

// pod is what a process in a pod of a cluster is given to find its API server by.
type pod struct {
	run string   // what its /var/run is
	env []string // of its environment
}

func (c *cluster) pod(t *testing.T) *pod {
	t.Helper()
	run := t.TempDir()
	dir := filepath.Join(run, "secrets", "kubernetes.io", "serviceaccount")
	assert.NilError(t, os.MkdirAll(dir, 0o700))
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.server.Certificate().Raw})
	for name, content := range map[string][]byte{"token": []byte(ownToken), "ca.crt": ca} {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	host, port, err := net.SplitHostPort(c.server.Listener.Addr().String())
	assert.NilError(t, err)
	return &pod{run: run, env: []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}}
}

// wrap has cmd run in a mount namespace with the pod's files, which are at a path that is fixed.
func (p *pod) wrap(cmd *exec.Cmd) {
	args := []string{"unshare", "--mount"}
	if os.Getuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, "sh", "-c", `mount --bind "$0" /var/run && exec "$@"`, p.run)
	cmd.Path, cmd.Err = exec.LookPath("unshare")
	cmd.Args = append(args, cmd.Args...)
	cmd.Env = append(os.Environ(), p.env...)
}
