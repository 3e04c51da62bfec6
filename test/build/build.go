// Package build builds the programs that tests run as processes of their own.
package build

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Tests runs the tests of a package once programs has built what they run, in a temporary directory, and returns their exit
// code: building takes longer than every test.
func Tests(m *testing.M, programs func(dir string) error) (code int) {
	dir, err := os.MkdirTemp("", "oras-test-")
	if err == nil {
		defer os.RemoveAll(dir) //nolint:errcheck // what is left is in a temporary directory
		err = programs(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Commands builds commands of this module into dir. Each is named by its folder in cmd/.
func Commands(dir string, names ...string) error {
	for _, name := range names {
		err := Run("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, name), "github.com/converged-computing/oras-operator/cmd/"+name)
		if err != nil {
			return err
		}
	}
	return nil
}

// Run runs what builds static binaries, as the Makefile has them. Its error has all that was printed.
func Run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}
