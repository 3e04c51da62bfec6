package access_test

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"gotest.tools/v3/assert"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
	"github.com/converged-computing/oras-operator/test/apiserver"
)

const (
	audience = "oras://alpha/oras"
	account  = "system:serviceaccount:alpha:step"
)

func rsaKey(t testing.TB, id string) apiserver.Key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	assert.NilError(t, err)
	key, err := apiserver.KeyOf(id, jose.RS256, private, private.Public())
	assert.NilError(t, err)
	return key
}

func ecKey(t testing.TB, id string) apiserver.Key {
	t.Helper()
	key, err := apiserver.NewKey(id)
	assert.NilError(t, err)
	return key
}

// cluster is an API server, and a clock that only the test moves.
type cluster struct {
	*apiserver.Server
	clock *clocktesting.FakeClock
	key   apiserver.Key // of the cluster, and listed unless a test says otherwise
}

// newCluster is a cluster whose account may do everything.
func newCluster(t testing.TB, key apiserver.Key) *cluster {
	t.Helper()
	c := &cluster{
		Server: apiserver.Start(key, apiserver.Rights{account: {access.Pull, access.Push, access.Delete}}),
		clock:  clocktesting.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)),
		key:    key,
	}
	t.Cleanup(c.Close)
	return c
}

// claims are what the API server puts into a token of account; change may spoil them.
func (c *cluster) claims(change func(map[string]any)) map[string]any {
	said := apiserver.Claims("alpha", "step", audience, c.clock.Now())
	if change != nil {
		change(said)
	}
	return said
}

// token signs claims with the cluster's key.
func (c *cluster) token(t testing.TB, change func(map[string]any)) string {
	t.Helper()
	return sign(t, c.key, c.claims(change))
}

func sign(t testing.TB, key apiserver.Key, said map[string]any) string {
	t.Helper()
	token, err := key.Sign(said)
	assert.NilError(t, err)
	return token
}

// guard makes what guards the registry of the OrasCache alpha/oras.
func (c *cluster) guard(t testing.TB, opts access.Options) *access.Guard {
	t.Helper()
	opts.Kubernetes = c.Config()
	opts.Clock = c.clock
	guard, err := access.New(t.Context(), access.Config{Auth: access.AuthServiceAccount, Cache: "alpha/oras"}, opts)
	assert.NilError(t, err)
	t.Cleanup(guard.Close)
	return guard
}
