package durability

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// operator is the binary that is tested. It is set once, by TestMain.
var operator string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "oras-durability-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is in a temporary directory
	operator = filepath.Join(dir, "operator")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", operator, "github.com/converged-computing/oras-operator/cmd/operator")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building the operator: %w\n%s", err, out)
	}
	return m.Run(), nil
}
