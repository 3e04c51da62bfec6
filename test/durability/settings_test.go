package durability

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// settings are a file of settings of a registry.
type settings struct {
	Addr           string         `json:"addr"`
	HTTPSecretFile string         `json:"httpSecretFile"`
	DrainDelay     string         `json:"drainDelay"`
	Storage        storage.Config `json:"storage"`
	Collect        collectSection `json:"collect"`
}

type collectSection struct {
	Schedule    string `json:"schedule"`
	GracePeriod string `json:"gracePeriod"`
	Lease       string `json:"lease,omitempty"`
	Retention   []Rule `json:"retention"`
}

// write writes settings, and returns their file. All processes that are started by it have the same secret.
func write(t *testing.T, where storage.Config, c collectSection) string {
	t.Helper()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	assert.NilError(t, os.WriteFile(secret, []byte("one secret for all replicas"), 0o600))
	text, err := yaml.Marshal(settings{Addr: "127.0.0.1:0", HTTPSecretFile: secret, DrainDelay: "0s", Storage: where, Collect: c})
	assert.NilError(t, err)
	file := filepath.Join(dir, "config.yaml")
	assert.NilError(t, os.WriteFile(file, text, 0o600))
	return file
}
