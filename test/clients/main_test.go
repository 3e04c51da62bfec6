// Package clients has the clients that people have push to `operator registry` and pull from it: oras, regctl and crane, each the
// real one, of the version that the Makefile names.
package clients

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/converged-computing/oras-operator/test/build"
)

// paths is where the programs are.
type paths struct {
	operator string
	clients  string // a directory
}

// built is set once, by TestMain.
var built paths

// TestMain builds what is tested, and the clients unless CLIENTS is a directory with all of them. Without a client nothing is
// tested, so that its absence is a failure everywhere.
func TestMain(m *testing.M) {
	os.Exit(build.Tests(m, func(dir string) (err error) {
		built = paths{operator: filepath.Join(dir, "operator"), clients: os.Getenv("CLIENTS")}
		if err := build.Commands(dir, "operator"); err != nil || built.clients != "" {
			return err
		}
		if built.clients, err = filepath.Abs("../../bin"); err != nil {
			return err
		}
		return build.Run("make", "--no-print-directory", "-C", "../..", "bin/oras", "bin/regctl", "bin/crane")
	}))
}
