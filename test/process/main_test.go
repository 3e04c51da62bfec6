// Package process tests the binaries that ship, together and without a cluster: the shim and the sidecar of one step,
// and the registry, each a process of its own, with a temporary directory for a volume.
package process

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaries is where TestMain builds what is tested.
type binaries string

func (b binaries) path(name string) string { return filepath.Join(string(b), name) }

// built is set once, by TestMain: building takes longer than every test.
var built binaries

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "oras-process-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is in a temporary directory
	for _, name := range []string{"operator", "sidecar", "shim"} {
		build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, name),
			"github.com/converged-computing/oras-operator/cmd/"+name)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	}
	built = binaries(dir)
	return m.Run(), nil
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
