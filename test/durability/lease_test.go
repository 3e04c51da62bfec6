package durability

import (
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/test/apiserver"
)

// The Lease by which replicas agree on who collects.
const (
	leaseNamespace = "default"
	leaseName      = "registry"
)

// serveLeases starts an API server, and returns a kubeconfig that leads to it.
func serveLeases(t *testing.T) (server *apiserver.Server, kubeconfig string) {
	t.Helper()
	key, err := apiserver.NewKey("k1")
	assert.NilError(t, err)
	server = apiserver.Start(key, nil)
	t.Cleanup(server.Close)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	assert.NilError(t, server.WriteKubeconfig(kubeconfig))
	return server, kubeconfig
}
