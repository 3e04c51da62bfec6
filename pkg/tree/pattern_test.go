package tree_test

import (
	"io"
	iofs "io/fs"
	"os"
	"path"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// runs is a tree as steps leave it, with a name that is a pattern itself.
func runs(t *testing.T) *fs.Dir {
	t.Helper()
	dir := fs.NewDir(t, "outer", fs.WithFile("secret", "s"), fs.WithDir("out",
		fs.WithDir("run-1", fs.WithFile("log", "1"), fs.WithDir("plots", fs.WithFile("a.png", "p"))),
		fs.WithDir("run-2", fs.WithFile("log", "2")),
		fs.WithDir("run-3"),
		fs.WithFile("run.txt", "txt"),
		fs.WithFile("a[1]", "brackets"),
		fs.WithFile("a1", "one")))
	assert.NilError(t, os.Symlink("run-1", dir.Join("out/run-latest")))
	assert.NilError(t, os.Symlink("..", dir.Join("out/run-up")))
	return dir
}

func TestE73APatternListsWhateverItMatches(t *testing.T) {
	dir := runs(t)
	for name, test := range map[string]struct {
		pattern string
		want    []string
	}{
		"files and directories, those with all below": {`out/run[\-.][1-2t]*`, []string{
			"dir run-1", "file run-1/log", "dir run-1/plots", "file run-1/plots/a.png", "dir run-2", "file run-2/log", "file run.txt",
		}},
		"in several directories, with these and no others": {"out/run-*/log", []string{
			"dir run-1", "file run-1/log", "dir run-2", "file run-2/log",
		}},
		"meta characters in two levels": {"out/*-1/pl?ts", []string{
			"dir run-1", "dir run-1/plots", "file run-1/plots/a.png",
		}},
		"a path that exists is no pattern": {"out/a[1]", []string{"file a[1]"}},
		"a backslash takes the meaning":    {`out/a\[*`, []string{"file a[1]"}},
		"a symlink is listed":              {"out/run-l*", []string{"symlink run-latest -> run-1"}},
		"a symlink leads nowhere":          {"out/*/plots", []string{"dir run-1", "dir run-1/plots", "file run-1/plots/a.png"}},
		"an empty directory":               {"out/*-3", []string{"dir run-3"}},
		"directories only":                 {`out/run[\-.][3t]*/`, []string{"dir run-3"}},
		"slashes and dots are no levels":   {"./out/./run-*//log", []string{"dir run-1", "file run-1/log", "dir run-2", "file run-2/log"}},
		"at the first level":               {"o*t/a1", []string{"dir out", "file out/a1"}},
	} {
		t.Run(name, func(t *testing.T) {
			listing := list(t, dir.Path()+"/"+test.pattern)
			assert.DeepEqual(t, shape(listing), test.want)
			assert.Equal(t, listing.File, test.pattern == "out/a[1]")
			t.Chdir(dir.Path())
			assert.DeepEqual(t, shape(list(t, test.pattern)), test.want)
		})
	}
}

func TestE73APatternThatMatchesNothingIsNotThere(t *testing.T) {
	dir := runs(t)
	for pattern, want := range map[string]error{
		"out/*.csv":          iofs.ErrNotExist,
		"out/run-*/missing*": iofs.ErrNotExist,
		"missing/*":          iofs.ErrNotExist,
		"secret/*":           iofs.ErrNotExist,
		"out/run-up/*/x*":    iofs.ErrNotExist,
		"out/run-*/secret":   iofs.ErrNotExist,
		"out/*/../secret":    tree.ErrInvalidPath,
		"out/[":              path.ErrBadPattern,
	} {
		_, err := tree.List(dir.Path() + "/" + pattern) // Join would take dots away
		assert.ErrorIs(t, err, want, pattern)
		assert.ErrorContains(t, err, pattern)
	}
}

func TestE73WhatAPatternListsCanBeOpened(t *testing.T) {
	dir := runs(t)
	for p, want := range map[tree.Path]string{"run-1/log": "1", "run.txt": "txt"} {
		f, err := tree.Open(dir.Join("out/run*"), p)
		assert.NilError(t, err)
		content, err := io.ReadAll(f)
		assert.NilError(t, err)
		assert.Equal(t, string(content), want)
		assert.NilError(t, f.Close())
	}
}

func TestE73NothingOutsideOfAPatternsDirectoryIsOpened(t *testing.T) {
	dir := runs(t)
	for p, want := range map[tree.Path]error{
		"run-latest/log":   unix.ENOTDIR,
		"run-up/secret":    unix.ENOTDIR,
		"../secret":        tree.ErrInvalidPath,
		"run-1":            tree.ErrNotRegular,
		"run-latest":       tree.ErrNotRegular,
		"run-1/plots/none": iofs.ErrNotExist,
	} {
		_, err := tree.Open(dir.Join("out/run*"), p)
		assert.ErrorIs(t, err, want, string(p))
	}
	_, err := tree.Open(dir.Join("secret/*"), "secret")
	assert.ErrorIs(t, err, iofs.ErrNotExist)
}

func TestE73HardLinksAndWhatIsNoFileAreToldInMatchesToo(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithDir("a", fs.WithFile("first", "abc")), fs.WithDir("b"), fs.WithDir("c"))
	assert.NilError(t, os.Link(dir.Join("a/first"), dir.Join("b/first")))
	assert.NilError(t, unix.Mkfifo(dir.Join("c/first"), 0o600))
	l := list(t, dir.Join("*/f*"))
	assert.DeepEqual(t, shape(l), []string{"dir a", "file a/first", "dir b", "hardlink b/first -> a/first", "dir c"})
	assert.DeepEqual(t, l.Skipped, []tree.Path{"c/first"})
}

func TestE73UnfinishedPullsAreNoMatches(t *testing.T) {
	dir := t.TempDir()
	w, err := tree.NewWriter(dir, tree.WriterOptions{})
	assert.NilError(t, err)
	defer func() { assert.Check(t, w.Abort()) }()
	assert.NilError(t, w.Mkdir("secret"))
	_, err = tree.List(dir + "/*/s*")
	assert.ErrorIs(t, err, iofs.ErrNotExist)
	assert.Equal(t, len(list(t, dir+"/.oras*").Skipped), 1)
}
