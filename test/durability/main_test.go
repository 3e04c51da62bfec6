package durability

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/converged-computing/oras-operator/test/build"
)

// operator is the binary that is tested. It is set once, by TestMain.
var operator string

func TestMain(m *testing.M) {
	os.Exit(build.Tests(m, func(dir string) error {
		operator = filepath.Join(dir, "operator")
		return build.Commands(dir, "operator")
	}))
}
