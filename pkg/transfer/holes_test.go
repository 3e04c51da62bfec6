package transfer_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// allocated is how many bytes of disk a file takes.
func allocated(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	assert.NilError(t, unix.Lstat(path, &st))
	return st.Blocks * 512
}

func TestE66HolesAreKept(t *testing.T) {
	repo, from := repository(t, testregistry.Start(t), "sparse"), t.TempDir()
	sizes := map[string]int64{"raw": 24 << 20, "packed": 3 << 20, "tool": 24 << 20, "small": 200 << 10}
	for name, size := range sizes {
		punch(t, filepath.Join(from, name), size, 0, size/2, size-4)
	}
	punch(t, filepath.Join(from, "nothing"), 5<<20)
	assert.NilError(t, os.Chmod(filepath.Join(from, "tool"), 0o755))
	sizes["nothing"] = 5 << 20
	into, _ := survives(t, repo, from)
	const slack = 64 << 10 // of file systems with large blocks
	for name := range sizes {
		want, got := allocated(t, filepath.Join(from, name)), allocated(t, filepath.Join(into, name))
		assert.Check(t, got <= want+slack, "%s takes %d bytes and not %d", name, got, want)
	}
}
