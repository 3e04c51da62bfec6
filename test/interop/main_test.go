// Package interop holds what this project pushes against the `oras` CLI itself, and with trees as people have them.
package interop

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/converged-computing/oras-operator/pkg/registry"
	"github.com/converged-computing/oras-operator/test/build"
)

// built is the CLI. It is set once, by TestMain.
var built string

func TestMain(m *testing.M) {
	registry.RouteLibraryLog(slog.New(slog.DiscardHandler))
	os.Exit(build.Tests(m, func(dir string) error {
		built = filepath.Join(dir, "oras")
		version, err := wanted()
		if err != nil {
			return err
		}
		return build.Run("env", "GOBIN="+dir, "go", "install", version)
	}))
}

// cli is where the Makefile says which CLI this project is tested with.
var cli = regexp.MustCompile(`(?m)^ORAS\s*=\s*(\S+)$`)

// wanted is the package of the CLI, and its version.
func wanted() (string, error) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		return "", err
	}
	version := cli.FindSubmatch(makefile)
	if version == nil {
		return "", errors.New("the Makefile does not say which version of the CLI to build")
	}
	return string(version[1]), nil
}
