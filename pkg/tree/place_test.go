package tree_test

import (
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// volume is a directory that somebody may write to, beside one with a secret that they may not see.
func volume(t *testing.T) *fs.Dir {
	t.Helper()
	return fs.NewDir(t, "outer", fs.WithDir("secret", fs.WithFile("token", "s")),
		fs.WithDir("volume", fs.WithDir("real", fs.WithFile("token", "r")), fs.WithDir("deep")))
}

func link(t *testing.T, dir *fs.Dir, name, text string) {
	t.Helper()
	assert.NilError(t, os.Symlink(text, dir.Join("volume", name)))
}

func TestNothingLeadsOutOfThePlaceOfATree(t *testing.T) {
	dir := volume(t)
	link(t, dir, "out", "../secret")
	link(t, dir, "absolute", dir.Join("secret"))
	link(t, dir, "absolute-inside", dir.Join("volume", "real"))
	link(t, dir, "process", "/proc/self/root"+dir.Join("secret"))
	link(t, dir, "up", "..")
	link(t, dir, "first", "deep/second")
	link(t, dir, "deep/second", "../../secret")
	link(t, dir, "token", "../secret/token")
	for name, path := range map[string]string{
		"a symlink":                         "out",
		"an absolute symlink":               "absolute",
		"an absolute symlink to inside":     "absolute-inside",
		"a symlink by way of /proc":         "process",
		"a symlink on the way":              "up/secret",
		"a symlink to a symlink":            "first",
		"a symlink to a file":               "token",
		"dots":                              "../secret",
		"an absolute path":                  dir.Join("secret"),
		"a pattern in a symlink":            "out/t*",
		"a pattern in what a symlink meets": "up/secret/*",
	} {
		t.Run(name, func(t *testing.T) {
			place := tree.Place{Root: dir.Join("volume"), Path: path}
			_, err := place.List()
			assert.ErrorIs(t, err, tree.ErrOutside)
			assert.ErrorContains(t, err, path)
			_, err = place.Open("token")
			assert.ErrorIs(t, err, tree.ErrOutside)
			assert.ErrorContains(t, err, path)
			_, err = place.NewWriter(tree.WriterOptions{Share: true})
			assert.ErrorIs(t, err, tree.ErrOutside)
			assert.ErrorContains(t, err, path)
			assert.DeepEqual(t, names(t, dir.Join("secret")), []string{"token"})
		})
	}
}

func TestE74SymlinksThatStayInThePlaceOfATreeAreFollowed(t *testing.T) {
	dir := volume(t)
	link(t, dir, "out", "real")
	link(t, dir, "deep/out", "../real/../out")
	link(t, dir, "token", "real/token")
	for path, want := range map[string][]string{
		"":             {"dir deep", "symlink deep/out -> ../real/../out", "symlink out -> real", "dir real", "file real/token", "symlink token -> real/token"},
		"real":         {"file token"},
		"out":          {"file token"},
		"deep/out":     {"file token"},
		"deep/out/t*":  {"file token"},
		"out/token":    {"file token"},
		"token":        {"file token"},
		"deep/../r*l/": {"dir real", "file real/token"},
	} {
		place := tree.Place{Root: dir.Join("volume"), Path: path}
		listing, err := place.List()
		assert.NilError(t, err, path)
		assert.DeepEqual(t, shape(listing), want)
		for _, e := range listing.Entries {
			if e.Type != tree.File {
				continue
			}
			f, err := place.Open(e.Path)
			assert.NilError(t, err, path)
			content, err := io.ReadAll(f)
			assert.NilError(t, err)
			assert.Equal(t, string(content), "r")
			assert.NilError(t, f.Close())
		}
	}
}

func TestAPlaceIsWrittenToByWayOfItsSymlinks(t *testing.T) {
	dir := volume(t)
	link(t, dir, "in", "real")
	w, err := tree.Place{Root: dir.Join("volume"), Path: "in/made/too"}.NewWriter(tree.WriterOptions{Share: true})
	assert.NilError(t, err)
	f, err := w.Create("file")
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
	assert.NilError(t, w.Commit())
	info, err := os.Stat(dir.Join("volume", "real", "made"))
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), iofs.FileMode(0o777))
	assert.DeepEqual(t, names(t, dir.Join("volume", "real", "made", "too")), []string{"file"})
}

// Kubernetes mounts a single file, too.
func TestThePlaceOfATreeMayBeItsRoot(t *testing.T) {
	dir := volume(t)
	place := tree.Place{Root: dir.Join("volume", "real", "token")}
	listing, err := place.List()
	assert.NilError(t, err)
	assert.DeepEqual(t, shape(listing), []string{"file token"})
	f, err := place.Open("token")
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
}

func TestNothingIsWhereNothingIsInAPlace(t *testing.T) {
	dir := volume(t)
	link(t, dir, "dangling", "nowhere")
	for _, path := range []string{"missing", "missing/below", "real/token/below", "dangling", "m*", "missing/*"} {
		_, err := tree.Place{Root: dir.Join("volume"), Path: path}.List()
		assert.ErrorIs(t, err, iofs.ErrNotExist, path)
	}
	_, err := tree.Place{Root: filepath.Join(dir.Path(), "missing"), Path: "out"}.List()
	assert.ErrorIs(t, err, iofs.ErrNotExist)
}
