package tree_test

import (
	"io"
	iofs "io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestOpenReadsWhatListNames(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithFile("a", "1"), fs.WithDir("d", fs.WithDir("e", fs.WithFile("\xff", "2"))))
	for p, want := range map[tree.Path]string{"a": "1", "d/e/\xff": "2"} {
		f, err := tree.Open(dir.Path(), p)
		assert.NilError(t, err)
		content, err := io.ReadAll(f)
		assert.NilError(t, err)
		assert.Equal(t, string(content), want)
		assert.NilError(t, f.Close())
	}
}

func TestOpenOfASingleFile(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithFile("out.txt", "abc"))
	f, err := tree.Open(dir.Join("out.txt"), "out.txt")
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
	_, err = tree.Open(dir.Join("out.txt"), "other.txt")
	assert.ErrorIs(t, err, iofs.ErrNotExist)
}

func TestOpenNeverLeavesTheTree(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithFile("secret", "s"), fs.WithDir("tree", fs.WithDir("d")))
	root := dir.Join("tree")
	assert.NilError(t, os.Symlink("../secret", dir.Join("tree/link")))
	assert.NilError(t, os.Symlink("..", dir.Join("tree/up")))
	assert.NilError(t, os.Symlink("d", dir.Join("tree/inside")))
	assert.NilError(t, os.WriteFile(dir.Join("tree/d/f"), nil, 0o600))
	for name, test := range map[string]struct {
		path tree.Path
		want error
	}{
		"a symlink at the end":                {"link", tree.ErrNotRegular},
		"a symlink on the way":                {"up/secret", unix.ENOTDIR},
		"a symlink on the way inside":         {"inside/f", unix.ENOTDIR},
		"dots":                                {"../secret", tree.ErrInvalidPath},
		"an absolute path":                    {"/etc/passwd", tree.ErrInvalidPath},
		"a directory":                         {"d", tree.ErrNotRegular},
		"nothing":                             {"missing", iofs.ErrNotExist},
		"nothing below something":             {"missing/f", iofs.ErrNotExist},
		"something below a file":              {"d/f/g", unix.ENOTDIR},
		"a component that no file system has": {tree.Path(strings.Repeat("n", 300)), tree.ErrInvalidPath},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tree.Open(root, test.path)
			assert.ErrorIs(t, err, test.want)
		})
	}
}

func TestE67OpenOfAFIFOIsRefusedWithoutBlocking(t *testing.T) {
	dir := t.TempDir()
	assert.NilError(t, unix.Mkfifo(dir+"/fifo", 0o600))
	_, err := tree.Open(dir, "fifo")
	assert.ErrorIs(t, err, tree.ErrNotRegular)
}

func TestStatTellsChangesApart(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithFile("f", "abc"))
	f, err := tree.Open(dir.Path(), "f")
	assert.NilError(t, err)
	defer func() { assert.Check(t, f.Close()) }()
	before, err := tree.Stat(f)
	assert.NilError(t, err)
	assert.Assert(t, tree.SameFile(before, list(t, dir.Path()).Entries[0]))
	assert.NilError(t, os.WriteFile(dir.Join("f"), []byte("abcd"), 0o600))
	after, err := tree.Stat(f)
	assert.NilError(t, err)
	assert.Assert(t, !tree.SameFile(before, after))
}

func TestStatRefusesAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	assert.NilError(t, err)
	defer func() { assert.Check(t, r.Close()) }()
	defer func() { assert.Check(t, w.Close()) }()
	_, err = tree.Stat(r)
	assert.ErrorIs(t, err, tree.ErrNotRegular)
}

// A file that is open elsewhere answers with what was said of it there.
func TestStatTakesAnEntryForTheStateOfAFile(t *testing.T) {
	want := tree.Entry{Type: tree.File, Mode: 0o640, Size: 3, Ino: 7, ModTime: time.Unix(1, 2).UTC()}
	got, err := tree.Stat(elsewhere{want})
	assert.NilError(t, err)
	assert.DeepEqual(t, got, want)
	info := want.Info()
	assert.Assert(t, info.Mode() == 0o640 && info.Size() == 3 && info.ModTime().Equal(want.ModTime) && !info.IsDir())
	for _, kind := range []tree.Type{tree.Dir, tree.Symlink, ""} {
		_, err = tree.Stat(elsewhere{tree.Entry{Type: kind}})
		assert.ErrorIs(t, err, tree.ErrNotRegular)
	}
	assert.Equal(t, tree.Entry{Type: tree.Dir, Mode: 0o755}.Info().Mode(), 0o755|iofs.ModeDir)
	assert.Equal(t, tree.Entry{Type: tree.Symlink}.Info().Mode(), iofs.ModeSymlink)
}

// elsewhere is an open file that is not at hand.
type elsewhere struct{ entry tree.Entry }

func (e elsewhere) Stat() (iofs.FileInfo, error) { return e.entry.Info(), nil }
