//go:build e2e

package e2e

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// absent is a digest that nothing has: who may delete it is answered 404.
const absent = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// private is a registry that asks for a token, with the artifact step:v1 in it.
type private struct {
	*cluster
	namespace, host, audience string
	blob                      string // the digest of a layer of step:v1
}

// private makes an OrasCache in a namespace of its own and pushes step:v1 with a token of the namespace, as a user would.
func (c *cluster) private(t *testing.T) *private {
	t.Helper()
	ns := c.namespace(t, nil)
	p := c.privateOf(t, ns, v1alpha1.OrasCacheSpec{})

	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "hello"), []byte("hello"), 0o600))
	p.orasAs(t, dir, "push", "--plain-http", p.host+"/step:v1", "hello:text/plain").Assert(t, icmd.Success)
	p.blob = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of the text above
	return p
}

// privateOf makes an OrasCache in a namespace, whose registry asks for a token and is besides as the spec says.
func (c *cluster) privateOf(t *testing.T, ns string, spec v1alpha1.OrasCacheSpec) *private {
	t.Helper()
	spec.Auth = v1alpha1.AuthServiceAccount
	c.cacheOf(t, ns, spec)
	return &private{cluster: c, namespace: ns, audience: "oras://" + ns + "/" + cacheName, host: c.forward(t, ns)}
}

// orasAs runs the stock client with a good token as its password.
func (p *private) orasAs(t *testing.T, dir string, args ...string) *icmd.Result {
	t.Helper()
	args = append(args, "--username", "token", "--password-stdin")
	token := p.token(t, p.namespace, p.audience)
	return icmd.RunCmd(icmd.Command(os.Getenv("ORAS_CLI"), args...), icmd.Dir(dir), icmd.WithStdin(strings.NewReader(token)))
}

// token asks the API server for one of the ServiceAccount default, good for ten minutes, which is the least it gives: that one which has expired
// is refused is for the unit tests of pkg/registry/access to see.
func (c *cluster) token(t *testing.T, namespace string, audiences ...string) string {
	t.Helper()
	var token string
	await(t, "there is a token of "+namespace, func(ctx context.Context) (bool, error) {
		made, err := c.Kube.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, "default", &authenticationv1.TokenRequest{
			Spec: authenticationv1.TokenRequestSpec{Audiences: audiences, ExpirationSeconds: ptr.To[int64](600)},
		}, metav1.CreateOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil // the ServiceAccount comes soon after its namespace
		}
		if err != nil {
			return false, err
		}
		token = made.Status.Token
		return true, nil
	})
	return token
}

// request is one that a client would send, and what it is answered where everything is allowed.
type request struct {
	method, path string
	allowed      int
}

func (p *private) requests() map[string]request {
	return map[string]request{
		"login":   {http.MethodGet, "/v2/", http.StatusOK},
		"pull":    {http.MethodGet, "/v2/step/manifests/v1", http.StatusOK},
		"look":    {http.MethodHead, "/v2/step/blobs/" + p.blob, http.StatusOK},
		"push":    {http.MethodPost, "/v2/step/blobs/uploads/", http.StatusAccepted},
		"mount":   {http.MethodPost, "/v2/other/blobs/uploads/?mount=" + p.blob + "&from=step", http.StatusCreated},
		"catalog": {http.MethodGet, "/v2/_catalog", http.StatusOK},
		"delete":  {http.MethodDelete, "/v2/step/manifests/" + absent, http.StatusNotFound},
	}
}

// send sends it with a token as Bearer, unless that is empty.
func (p *private) send(ctx context.Context, r request, token string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, r.method, "http://"+p.host+r.path, nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// answered asserts what is answered to a request.
func (p *private) answered(t *testing.T, r request, token string, status int, says ...string) {
	t.Helper()
	got, body, err := p.send(within(t), r, token)
	assert.NilError(t, err)
	assert.Equal(t, got, status, body)
	if r.method == http.MethodHead {
		return
	}
	for _, text := range says {
		assert.Assert(t, strings.Contains(body, text), "%q is not said in %s", text, body)
	}
}

func TestE86OnlyTokensOfTheNamespaceOpenItsRegistry(t *testing.T) {
	t.Parallel()
	c := connect(t)
	p := c.private(t)
	stranger := c.namespace(t, nil)
	good := p.token(t, p.namespace, p.audience)
	cut := strings.LastIndex(good, ".") + 1
	foreign := "oras://" + stranger + "/" + cacheName

	for name, tc := range map[string]struct {
		token string
		says  []string
	}{
		"none":                      {"", []string{"no credentials are given"}},
		"another namespace's":       {p.token(t, stranger, p.audience), []string{stranger, p.namespace}},
		"for another cache":         {p.token(t, p.namespace, foreign), []string{foreign, p.audience}},
		"for the API server":        {p.token(t, p.namespace), []string{"is made for the audience", p.audience}},
		"with half of a signature":  {good[:cut+(len(good)-cut)/2], []string{"UNAUTHORIZED"}},
		"with another's signature":  {good[:cut] + sig(p.token(t, p.namespace, foreign)), []string{"signature"}},
		"that is nothing but words": {"let-me-in", []string{"not a token of a ServiceAccount"}},
	} {
		for what, r := range p.requests() {
			t.Run(name+"/"+what, func(t *testing.T) {
				p.answered(t, r, tc.token, http.StatusUnauthorized, tc.says...)
			})
		}
	}
	for what, r := range p.requests() {
		t.Run("its own/"+what, func(t *testing.T) {
			if what == "delete" {
				p.answered(t, r, good, http.StatusForbidden, "DENIED", "may not delete orascaches/"+cacheName, "kubectl create rolebinding")
				return
			}
			p.answered(t, r, good, r.allowed)
		})
	}
}

// sig is the signature of a token.
func sig(token string) string { return token[strings.LastIndex(token, ".")+1:] }

// What the operator itself lets the namespace do, pull and push, cannot be taken away for the time of a test: it would put it
// right. The unit tests of pkg/registry/access take away each right.
func TestE86ARightIsThereAsLongAsRBACGivesIt(t *testing.T) {
	t.Parallel()
	p := connect(t).private(t)
	remove := p.requests()["delete"]
	token := p.token(t, p.namespace, p.audience)
	p.answered(t, remove, token, http.StatusForbidden)

	named := metav1.ObjectMeta{Namespace: p.namespace, Name: "e2e-delete"}
	assert.NilError(t, p.Create(within(t), &rbacv1.Role{ObjectMeta: named, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{v1alpha1.Group}, Resources: []string{"orascaches"}, ResourceNames: []string{cacheName}, Verbs: []string{"delete"},
	}}}))
	binding := &rbacv1.RoleBinding{
		ObjectMeta: named,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: named.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: p.namespace, Name: "default"}},
	}
	assert.NilError(t, p.Create(within(t), binding))
	p.becomes(t, remove, token, remove.allowed)
	assert.NilError(t, p.Delete(within(t), binding))
	p.becomes(t, remove, token, http.StatusForbidden)
	p.answered(t, p.requests()["pull"], token, http.StatusOK)
}

// becomes waits until a request is answered like that.
func (p *private) becomes(t *testing.T, r request, token string, status int) {
	t.Helper()
	await(t, r.method+" is answered "+http.StatusText(status), func(ctx context.Context) (bool, error) {
		got, _, err := p.send(ctx, r, token)
		return got == status, err
	})
}

func TestStockClientsUseATokenAsAPassword(t *testing.T) {
	t.Parallel()
	p := connect(t).private(t)
	dir := t.TempDir()
	p.orasAs(t, dir, "pull", "--plain-http", p.host+"/step:v1").Assert(t, icmd.Success)
	assert.DeepEqual(t, contents(t, dir), map[string]string{"hello": "hello"})
	p.orasAs(t, dir, "login", "--plain-http", "--registry-config", filepath.Join(dir, "config.json"), p.host).Assert(t, icmd.Success)
	oras(t, dir, "repo", "tags", "--plain-http", "--registry-config", filepath.Join(dir, "config.json"), p.host+"/step")
}
