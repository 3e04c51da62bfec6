// Package interop holds what this project pushes against the `oras` CLI itself, and with trees as people have them.
package interop

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/converged-computing/oras-operator/pkg/registry"
)

// built is the CLI. It is set once, by TestMain: building takes longer than every test.
var built string

func TestMain(m *testing.M) {
	registry.RouteLibraryLog(slog.New(slog.DiscardHandler))
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// cli is where the Makefile says which CLI this project is tested with.
var cli = regexp.MustCompile(`(?m)^ORAS\s*=\s*(\S+)$`)

func run(m *testing.M) (int, error) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		return 0, err
	}
	version := cli.FindSubmatch(makefile)
	if version == nil {
		return 0, errors.New("the Makefile does not say which version of the CLI to build")
	}
	dir, err := os.MkdirTemp("", "oras-interop-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is in a temporary directory
	install := exec.Command("go", "install", string(version[1]))
	install.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building %s: %w\n%s", version[1], err, out)
	}
	built = filepath.Join(dir, "oras")
	return m.Run(), nil
}
