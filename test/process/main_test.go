// Package process tests the binaries that ship, together and without a cluster: the shim and the sidecar of one step,
// and the registry, each a process of its own, with a temporary directory for a volume.
package process

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/converged-computing/oras-operator/test/build"
)

// binaries is where TestMain builds what is tested.
type binaries string

func (b binaries) path(name string) string { return filepath.Join(string(b), name) }

// built is set once, by TestMain.
var built binaries

func TestMain(m *testing.M) {
	os.Exit(build.Tests(m, func(dir string) error {
		built = binaries(dir)
		return build.Commands(dir, "operator", "sidecar", "shim")
	}))
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
