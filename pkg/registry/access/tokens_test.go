package access_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
	"github.com/converged-computing/oras-operator/test/apiserver"
)

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestATokenIsGoodAsBearerAndAsThePasswordOfAnyUser(t *testing.T) {
	for kind, key := range map[string]apiserver.Key{"RSA": rsaKey(t, "k1"), "EC": ecKey(t, "k1")} {
		c := newCluster(t, key)
		guard := c.guard(t, access.Options{})
		token := c.token(t, nil)
		for how, authorization := range map[string]string{
			"Bearer":                 "Bearer " + token,
			"bearer in lower case":   "bearer  " + token,
			"a password":             basic("token", token),
			"the password of nobody": basic("", token),
		} {
			for name, op := range operations() {
				t.Run(kind+"/"+how+"/"+name, func(t *testing.T) {
					got := ask(t, guard, op, authorization)
					assert.Equal(t, got.status, http.StatusOK, got.message)
					assert.Equal(t, got.passed.Header.Get("Authorization"), "", "what comes next has no use for it")
				})
			}
		}
	}
}

// spoiled are tokens that are not good, and what is said about them.
func spoiled(t *testing.T, c *cluster) map[string]struct{ authorization, want string } {
	t.Helper()
	with := func(name string, value any) string {
		return "Bearer " + c.token(t, func(said map[string]any) { said[name] = value })
	}
	without := func(name string) string {
		return "Bearer " + c.token(t, func(said map[string]any) { delete(said, name) })
	}
	after := func(d time.Duration) int64 { return c.clock.Now().Add(d).Unix() }
	other := map[string]any{"namespace": "beta", "serviceaccount": map[string]any{"name": "step", "uid": "x"}}
	parts := strings.Split(c.token(t, nil), ".")
	payload := func(change func(map[string]any)) string {
		text, err := json.Marshal(c.claims(change))
		assert.NilError(t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	header := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

	return map[string]struct{ authorization, want string }{
		"no credentials": {"", "no credentials are given"},
		"no password":    {basic("token", ""), "the password is empty"},
		"a password":     {basic("alice", "hunter2"), "not a token of a ServiceAccount"},
		"another scheme": {"Negotiate abc", "neither Basic nor Bearer"},
		"broken base64":  {"Basic %%%", "not in base64"},
		"dots":           {"Bearer ..", "not a token of a ServiceAccount"},
		"a large token":  {"Bearer " + strings.Repeat("x", 9<<10), "the token has 9216 bytes"},
		"a larger token": {"Bearer " + strings.Repeat("x", 17<<10), "more than 16384 are not read"},
		"another namespace's": {"Bearer " + c.token(t, func(said map[string]any) {
			said["sub"], said["kubernetes.io"] = "system:serviceaccount:beta:step", other
		}), `of the namespace "beta", this registry is of "alpha"`},
		"a namespace that is not its subject's": {with("sub", "system:serviceaccount:beta:step"), `subject "system:serviceaccount:beta:step" is not the ServiceAccount that it names`},
		"no ServiceAccount's":                   {without("kubernetes.io"), `of the namespace "", this`},
		"expired":                               {with("exp", after(-time.Second)), "expired at 2026-03-01T11:59:59Z, it is 2026-03-01T12:00:00Z now"},
		"expired this moment":                   {with("exp", after(0)), "expired at"},
		"never expires":                         {without("exp"), "does not say when it expires"},
		"not yet good":                          {with("nbf", after(61*time.Second)), "is not good before 2026-03-01T12:01:01Z"},
		"for the API server":                    {with("aud", []string{"https://kubernetes.default.svc", "k3s"}), `made for the audience "https://kubernetes.default.svc,k3s", this registry is "oras://alpha/oras"`},
		"for another cache":                     {with("aud", "oras://alpha/other"), `the audience "oras://alpha/other", this`},
		"for nobody":                            {without("aud"), `the audience "", this`},
		"another cluster's":                     {with("iss", "https://other"), `issued by "https://other", this cluster's issuer is "https://kubernetes.default.svc"`},
		"of an unknown key":                     {"Bearer " + sign(t, ecKey(t, "k9"), c.claims(nil)), "a key that this cluster does not have"},
		"of another key with a known name":      {"Bearer " + sign(t, rsaKey(t, c.key.ID), c.claims(nil)), "signature is not that of this cluster"},
		"without the key's name":                {"Bearer " + header(`{"alg":"RS256"}`) + "." + parts[1] + "." + parts[2], "a key that this cluster does not have"},
		"tampered with": {"Bearer " + parts[0] + "." + payload(func(said map[string]any) { said["sub"] = "system:serviceaccount:alpha:admin" }) + "." + parts[2],
			"signature is not that of this cluster"},
		"without its signature": {"Bearer " + parts[0] + "." + parts[1] + ".", "signature is not that of this cluster"},
		"signed with none": {"Bearer " + header(`{"alg":"none","kid":"`+c.key.ID+`"}`) + "." + parts[1] + ".",
			"not signed with RSA or ECDSA"},
		"signed with the public key as a secret": {"Bearer " + forged(t, c), "not signed with RSA or ECDSA"},
		"with a key of its own":                  {"Bearer " + embedded(t, c), "signature is not that of this cluster"},
	}
}

// forged is a token whose HMAC has the cluster's public key as its key, which a careless check would take.
func forged(t *testing.T, c *cluster) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(c.key.Public)
	assert.NilError(t, err)
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	key, err := apiserver.KeyOf(c.key.ID, jose.HS256, secret, nil)
	assert.NilError(t, err)
	return sign(t, key, c.claims(nil))
}

// embedded is a token with the key that it is signed with in its header.
func embedded(t *testing.T, c *cluster) string {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	assert.NilError(t, err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: private},
		(&jose.SignerOptions{EmbedJWK: true}).WithHeader("kid", c.key.ID))
	assert.NilError(t, err)
	return sign(t, apiserver.Key{Signer: signer}, c.claims(nil))
}

func TestE86WhatIsNotATokenForThisRegistryOpensNothing(t *testing.T) {
	c := newCluster(t, rsaKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	for name, tc := range spoiled(t, c) {
		for what, op := range operations() {
			t.Run(name+"/"+what, func(t *testing.T) {
				got := ask(t, guard, op, tc.authorization)
				assert.Equal(t, got.status, http.StatusUnauthorized)
				assert.Assert(t, got.passed == nil)
				assert.Equal(t, got.header.Get("WWW-Authenticate"), `Basic realm="oras://alpha/oras"`)
				said := func(told, want string) {
					t.Helper()
					assert.Assert(t, strings.Contains(told, want), told)
					assert.Assert(t, strings.Contains(told, "of the namespace alpha for the audience oras://alpha/oras is needed"), told)
				}
				if op.method != http.MethodHead {
					assert.Equal(t, got.code, "UNAUTHORIZED")
					said(got.message, tc.want)
				}
				warned := got.header.Get("Warning")
				if tc.authorization == "" {
					assert.Equal(t, warned, "", "a client asks like this before it gives its credentials")
					return
				}
				assert.Assert(t, cmp.Regexp(`^299 - "[^"]*"$`, warned))
				said(warned, strings.ReplaceAll(tc.want, `"`, "'"))
			})
		}
	}
	assert.Equal(t, len(c.Reviews()), 0, "RBAC is not asked about strangers")
}

func TestATokenThatWasGoodIsRefusedOnceItExpires(t *testing.T) {
	c := newCluster(t, ecKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	token := "Bearer " + c.token(t, nil)
	c.clock.Step(59 * time.Minute)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
	c.clock.Step(time.Minute)
	got := ask(t, guard, pull, token)
	assert.Equal(t, got.status, http.StatusUnauthorized)
	assert.Assert(t, strings.Contains(got.message, "expired"), got.message)
}

func TestAClockThatIsAMinuteAheadIsForgiven(t *testing.T) {
	c := newCluster(t, ecKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	token := c.token(t, func(said map[string]any) { said["nbf"] = c.clock.Now().Add(time.Minute).Unix() })
	assert.Equal(t, ask(t, guard, pull, "Bearer "+token).status, http.StatusOK)
}

func TestSeveralCredentialsAreNone(t *testing.T) {
	c := newCluster(t, ecKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	req := httptest.NewRequest(http.MethodGet, "/v2/", nil)
	req.Header.Add("Authorization", "Bearer "+c.token(t, nil))
	req.Header.Add("Authorization", "Bearer x")
	got := send(t, guard, req)
	assert.Equal(t, got.status, http.StatusUnauthorized)
	assert.Assert(t, strings.Contains(got.message, "several Authorization headers"), got.message)
}
