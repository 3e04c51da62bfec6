package clients

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/test/apiserver"
)

// cluster makes the tokens that a registry takes. That a real one's tokens and roles do the same, the end-to-end suite shows
// (TestE86…).
type cluster struct{ *apiserver.Server }

// startCluster starts one with two ServiceAccounts in the namespace alpha: step may do everything, and reader may pull.
func startCluster(t *testing.T) cluster {
	t.Helper()
	key, err := apiserver.NewKey("k1")
	assert.NilError(t, err)
	c := cluster{apiserver.Start(key, apiserver.Rights{
		subject("step"):   {"pull", "push", "delete"},
		subject("reader"): {"pull"},
	})}
	t.Cleanup(c.Close)
	return c
}

// subject is the user that a ServiceAccount of the namespace alpha is.
func subject(account string) string { return apiserver.User("alpha", account) }

// token is one of a ServiceAccount of the namespace alpha.
func (c cluster) token(t *testing.T, account, audience string) string {
	t.Helper()
	token, err := c.Token(apiserver.Claims("alpha", account, audience, time.Now()))
	assert.NilError(t, err)
	return token
}

// inPod is the command that runs another as in a pod of the cluster.
func (c cluster) inPod(t *testing.T, command ...string) []string {
	t.Helper()
	wrapped, err := c.InPod(t.TempDir(), command...)
	assert.NilError(t, err)
	return wrapped
}
