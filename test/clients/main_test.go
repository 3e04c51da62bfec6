// Package clients has the clients that people have push to `operator registry` and pull from it: oras, regctl and crane, each the real
// one, of the version that the Makefile names.
package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// paths is where the programs are.
type paths struct {
	operator string
	clients  string // a directory
}

// built is set once, by TestMain: building takes longer than every test.
var built paths

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run builds what is tested, and the clients unless CLIENTS is a directory with all of them. Without a client nothing is tested, so that its absence
// is a failure everywhere.
func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "oras-clients-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is in a temporary directory
	built = paths{operator: filepath.Join(dir, "operator"), clients: os.Getenv("CLIENTS")}
	if err := build("go", "build", "-buildvcs=false", "-o", built.operator, "github.com/converged-computing/oras-operator/cmd/operator"); err != nil {
		return 0, err
	}
	if built.clients == "" {
		if built.clients, err = filepath.Abs("../../bin"); err != nil {
			return 0, err
		}
		if err := build("make", "--no-print-directory", "-C", "../..", "bin/oras", "bin/regctl", "bin/crane"); err != nil {
			return 0, err
		}
	}
	return m.Run(), nil
}

func build(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}
