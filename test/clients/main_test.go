// Package clients has the clients that people use push to `operator registry` and pull from it: the real oras, regctl and crane,
// of the versions that the Makefile names.
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

// TestMain builds what is tested, and the clients, unless CLIENTS is a directory with all of them. A client that is missing fails
// the tests everywhere: without it nothing would be tested.
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
