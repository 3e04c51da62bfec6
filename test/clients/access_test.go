package clients

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/bcrypt"
	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/converged-computing/oras-operator/pkg/certs"
)

// access is who may do what at a registry, and how it is reached.
type access struct {
	// flags are those of `operator registry`.
	flags []string
	// wrap returns the command that runs another where the registry is to run. Nil: it runs as it is.
	wrap func(t *testing.T, command ...string) []string
	// ca is the PEM file of the authority that signed the registry's certificate. Empty: it speaks HTTP.
	ca string

	user, password string // who may do everything; empty: everybody may
	wrong          string // a password that opens nothing
	why            string // part of what the registry says about it
	needed         string // part of what the registry says about any credentials that are not good
}

// accesses are the kinds of access that a registry can have.
func accesses() map[string]func(t *testing.T) access {
	return map[string]func(t *testing.T) access{
		"open":               func(*testing.T) access { return access{} },
		"users, over TLS":    users,
		"a cluster's tokens": tokens,
	}
}

// closed are those with authentication.
func closed() map[string]func(t *testing.T) access {
	all := accesses()
	delete(all, "open")
	return all
}

// users is a registry with a user, and a certificate as the operator gives it.
func users(t *testing.T) access {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("kestrel 7"), bcrypt.MinCost)
	assert.NilError(t, err)
	issuer, err := certs.NewIssuer(certs.IssuerOptions{
		Client: fake.NewClientBuilder().Build(), Log: slog.New(slog.DiscardHandler), Namespace: "oras-operator-system", Secret: "authorities",
	})
	assert.NilError(t, err)
	issued, err := issuer.Issue(t.Context(), []string{"127.0.0.1"}, nil)
	assert.NilError(t, err)
	return access{
		flags: []string{
			"--auth=htpasswd", "--htpasswd-file=" + file("users", append([]byte("alice:"), hash...)),
			"--tls-cert-file=" + file("tls.crt", issued[corev1.TLSCertKey]), "--tls-key-file=" + file("tls.key", issued[corev1.TLSPrivateKeyKey]),
		},
		ca:       file("ca.crt", issued["ca.crt"]),
		user:     "alice",
		password: "kestrel 7",
		wrong:    "walrus 9",
		why:      "there is no such user, or the password is another",
		needed:   "the name and the password of a user of this registry are needed",
	}
}

// audience is that of tokens for the registry of the OrasCache alpha/oras.
const audience = "oras://alpha/oras"

func tokens(t *testing.T) access {
	t.Helper()
	return startCluster(t).access(t)
}

// access is a registry that takes the tokens of the cluster.
func (c cluster) access(t *testing.T) access {
	t.Helper()
	return access{
		flags:    []string{"--auth=serviceaccount", "--cache=alpha/oras"},
		wrap:     c.inPod,
		user:     "token",
		password: c.token(t, "step", audience),
		wrong:    c.token(t, "step", "oras://alpha/other"),
		why:      "the token is made for the audience",
		needed:   "a token of a ServiceAccount of the namespace alpha for the audience " + audience + " is needed",
	}
}
