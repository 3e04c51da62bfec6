package tree_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

const treeName = "0123456789abcdef0123456789abcdef"

// dead makes what a writer of treeName that was killed has left of some files.
func dead(t *testing.T, target string, mode os.FileMode, files map[string]int64) {
	t.Helper()
	staging := filepath.Join(target, ".oras-staging-"+treeName[:16])
	assert.NilError(t, os.Mkdir(staging, 0o700))
	for name, size := range files {
		path := filepath.Join(staging, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		assert.NilError(t, os.WriteFile(path, make([]byte, size), 0o600))
	}
	assert.NilError(t, os.Chmod(staging, mode))
}

func TestAWriterGoesOnWithLargeFilesThatOneOfTheSameNameHasLeft(t *testing.T) {
	const large = 3 << 20
	for name, test := range map[string]struct {
		resume string
		mode   os.FileMode // of what was left
		size   int64       // that the file is to have
		spoil  func(t *testing.T, staged string)
		want   int64
	}{
		"the same name":               {treeName, 0o700, large, nil, 2 << 20},
		"another name":                {"fedcba9876543210", 0o700, large, nil, 0},
		"no name":                     {"", 0o700, large, nil, 0},
		"the file is to be small":     {treeName, 0o700, 1 << 10, nil, 0},
		"others could write there":    {treeName, 0o755, large, nil, 0},
		"a symlink leads to the file": {treeName, 0o700, large, swap, 0},
		"the file has another name": {treeName, 0o700, large, func(t *testing.T, staged string) {
			assert.NilError(t, os.Link(staged, filepath.Join(t.TempDir(), "other")))
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			target := t.TempDir()
			dead(t, target, test.mode, map[string]int64{"d/f": 2 << 20})
			if test.spoil != nil {
				test.spoil(t, filepath.Join(target, ".oras-staging-"+treeName[:16], "d/f"))
			}
			w, err := tree.NewWriter(target, tree.WriterOptions{Resume: test.resume})
			assert.NilError(t, err)
			f, err := w.CreateEntry(tree.Entry{Path: "d/f", Type: tree.File, Mode: 0o640, Size: test.size})
			assert.NilError(t, err)
			info, err := f.Stat()
			assert.NilError(t, err)
			assert.Equal(t, info.Size(), test.want)
			assert.NilError(t, f.Close())
			assert.NilError(t, w.Commit())
			found, err := os.ReadDir(target)
			assert.NilError(t, err)
			for _, e := range found {
				assert.Assert(t, e.Name() == "d", "%s was left", e.Name())
			}
		})
	}
}

// swap puts a symlink to a file elsewhere in the place of a file.
func swap(t *testing.T, staged string) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	assert.NilError(t, os.Rename(staged, elsewhere))
	assert.NilError(t, os.Symlink(elsewhere, staged))
}

func TestAFileThatIsThereIsKeptUnlessItIsChangedMeanwhile(t *testing.T) {
	when := time.Unix(1e9, 1)
	for name, test := range map[string]struct {
		change func(t *testing.T, path string)
		err    error
	}{
		"nothing happens": {func(*testing.T, string) {}, nil},
		"it is written to": {func(t *testing.T, path string) {
			assert.NilError(t, os.WriteFile(path, []byte("xyz"), 0o600))
		}, tree.ErrNotKept},
		"it is gone": {func(t *testing.T, path string) { assert.NilError(t, os.Remove(path)) }, tree.ErrNotKept},
	} {
		t.Run(name, func(t *testing.T) {
			target := t.TempDir()
			path := filepath.Join(target, "d/f")
			assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			assert.NilError(t, os.WriteFile(path, []byte("abc"), 0o600))
			w, err := tree.NewWriter(target, tree.WriterOptions{})
			assert.NilError(t, err)
			assert.NilError(t, w.Make(tree.Entry{Path: "d", Type: tree.Dir, Mode: 0o755}))
			f, err := w.Existing("d/f")
			assert.NilError(t, err)
			now, err := tree.Stat(f)
			assert.NilError(t, errors.Join(err, f.Close()))
			assert.NilError(t, w.Keep(tree.Entry{Path: "d/f", Mode: 0o604, ModTime: when}, now))
			time.Sleep(20 * time.Millisecond) // so that a change shows in the time of the file
			test.change(t, path)
			assert.ErrorIs(t, w.Commit(), test.err)
			assert.NilError(t, w.Abort())
			if test.err == nil {
				info, err := os.Stat(path)
				assert.NilError(t, err)
				assert.Equal(t, info.Mode().Perm(), fs.FileMode(0o604))
				assert.Assert(t, info.ModTime().Equal(when))
			}
		})
	}
}

func TestOnlyAFileOfOursThatNoLinkLeadsToIsThere(t *testing.T) {
	target := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(target, "plain"), []byte("x"), 0o600))
	assert.NilError(t, os.WriteFile(filepath.Join(target, "twice"), []byte("x"), 0o600))
	assert.NilError(t, os.Link(filepath.Join(target, "twice"), filepath.Join(target, "again")))
	assert.NilError(t, os.Symlink("plain", filepath.Join(target, "link")))
	assert.NilError(t, os.Symlink(".", filepath.Join(target, "dir")))
	w, err := tree.NewWriter(target, tree.WriterOptions{})
	assert.NilError(t, err)
	defer func() { assert.Check(t, w.Abort()) }()
	for path, there := range map[tree.Path]bool{"plain": true, "twice": false, "link": false, "dir/plain": false, "none": false, "../x": false} {
		f, err := w.Existing(path)
		assert.Equal(t, err == nil, there, "%s: %v", path, err)
		if err == nil {
			assert.NilError(t, f.Close())
		}
	}
}

func TestManyDirectoriesAreFilledAtOnce(t *testing.T) {
	w, err := tree.NewWriter(t.TempDir(), tree.WriterOptions{})
	assert.NilError(t, err)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 400 {
				dir := i % 40 // more than are held open
				if worker%2 == 0 {
					dir = worker // while others stay in one
				}
				f, err := w.Create(tree.Path(fmt.Sprintf("d%d/w%d-%d", dir, worker, i)))
				if !assert.Check(t, err) {
					return
				}
				assert.Check(t, f.Close())
			}
		})
	}
	group.Wait()
	assert.NilError(t, w.Commit())
}
