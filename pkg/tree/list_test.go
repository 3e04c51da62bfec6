package tree_test

import (
	iofs "io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// shape is a listing without what differs from run to run.
func shape(l tree.Listing) []string {
	var lines []string
	for _, e := range l.Entries {
		line := string(e.Type) + " " + string(e.Path)
		if e.Link != "" {
			line += " -> " + string(e.Link)
		}
		lines = append(lines, line)
	}
	return lines
}

func list(t *testing.T, path string) tree.Listing {
	t.Helper()
	l, err := tree.List(path)
	assert.NilError(t, err)
	return l
}

func TestE68ListIsInOrderWithParentsFirst(t *testing.T) {
	dir := fs.NewDir(t, "tree",
		fs.WithDir("a", fs.WithFile("z", "1"), fs.WithDir("empty")),
		fs.WithFile("a-b", "22"),
		fs.WithFile("-rf", ""),
		fs.WithFile("new\nline", ""),
		fs.WithFile("\xff\xfe", ""),
		fs.WithSymlink("dangling", "nowhere"),
		fs.WithSymlink("loop", "loop"))
	assert.NilError(t, os.Symlink("/etc/passwd", dir.Join("absolute")))
	assert.DeepEqual(t, shape(list(t, dir.Path())), []string{
		"file -rf", "dir a", "dir a/empty", "file a/z", "file a-b", "symlink absolute -> /etc/passwd",
		"symlink dangling -> " + dir.Join("nowhere"), "symlink loop -> " + dir.Join("loop"), "file new\nline", "file \xff\xfe",
	})
}

func TestE63AndE72ListTellsModesTimesAndSizes(t *testing.T) {
	old := time.Date(1931, 2, 3, 4, 5, 6, 7, time.UTC)
	dir := fs.NewDir(t, "tree", fs.WithFile("f", "abc", fs.WithMode(0o640)), fs.WithDir("d"))
	assert.NilError(t, os.Chtimes(dir.Join("f"), old, old))
	assert.NilError(t, os.Chmod(dir.Join("d"), 0o751|os.ModeSetgid|os.ModeSticky))
	l := list(t, dir.Path())
	assert.Equal(t, len(l.Entries), 2)
	d, f := l.Entries[0], l.Entries[1]
	assert.Equal(t, d.Mode, uint32(0o3751))
	assert.Equal(t, d.Size, int64(0))
	assert.Equal(t, f.Mode, uint32(0o640))
	assert.Equal(t, f.Size, int64(3))
	assert.Assert(t, f.ModTime.Equal(old), f.ModTime)
	assert.Equal(t, f.ModTime.Location(), time.UTC)
	assert.Assert(t, f.Ino != 0 && !f.Ctime.IsZero())
}

func TestE65ListFindsHardLinks(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithDir("b", fs.WithFile("first", "abc")), fs.WithFile("single", ""))
	assert.NilError(t, os.Link(dir.Join("b/first"), dir.Join("c")))
	assert.NilError(t, os.Link(dir.Join("b/first"), dir.Join("b/second")))
	l := list(t, dir.Path())
	assert.DeepEqual(t, shape(l), []string{
		"dir b", "file b/first", "hardlink b/second -> b/first", "hardlink c -> b/first", "file single",
	})
	assert.Equal(t, l.Entries[1].Size, int64(3))
	assert.Equal(t, l.Entries[2].Size, int64(0))
}

func TestE67ListSkipsWhatIsNoFile(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithFile("f", ""))
	assert.NilError(t, unix.Mkfifo(dir.Join("fifo"), 0o600))
	socket, err := net.Listen("unix", dir.Join("socket"))
	assert.NilError(t, err)
	defer func() { assert.Check(t, socket.Close()) }()
	l := list(t, dir.Path())
	assert.DeepEqual(t, shape(l), []string{"file f"})
	assert.DeepEqual(t, l.Skipped, []tree.Path{"fifo", "socket"})
}

func TestListOfASingleFile(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithFile("out.txt", "abc"))
	assert.NilError(t, os.Symlink("out.txt", dir.Join("link")))
	l := list(t, dir.Join("out.txt"))
	assert.Assert(t, l.File)
	assert.DeepEqual(t, shape(l), []string{"file out.txt"})
	assert.DeepEqual(t, shape(list(t, dir.Join("link"))), []string{"file link"})
}

func TestE74ListFollowsTheListedPathOnly(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithDir("real", fs.WithFile("f", "")))
	assert.NilError(t, os.Symlink("real", dir.Join("link")))
	assert.DeepEqual(t, shape(list(t, dir.Join("link"))), []string{"file f"})
	assert.DeepEqual(t, shape(list(t, dir.Path())), []string{"symlink link -> real", "dir real", "file real/f"})
}

func TestE62ListOfAnEmptyDirectoryIsEmpty(t *testing.T) {
	l := list(t, t.TempDir())
	assert.Equal(t, len(l.Entries), 0)
	assert.Assert(t, !l.File)
}

func TestListOfNothing(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithFile("f", ""))
	assert.NilError(t, os.Symlink("nowhere", dir.Join("dangling")))
	for _, path := range []string{"missing", "f/below", "dangling", "missing/below"} {
		_, err := tree.List(dir.Join(path))
		assert.ErrorIs(t, err, iofs.ErrNotExist, path)
	}
	_, err := tree.List("")
	assert.ErrorIs(t, err, iofs.ErrNotExist)
}

func TestE67ListOfAFIFOIsRefusedWithoutBlocking(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	assert.NilError(t, unix.Mkfifo(path, 0o600))
	_, err := tree.List(path)
	assert.ErrorIs(t, err, tree.ErrNotRegular)
}

func TestE68ListOfADeepTree(t *testing.T) {
	root, rest := t.TempDir(), tree.MaxPath
	at, err := os.OpenRoot(root)
	assert.NilError(t, err)
	name := strings.Repeat("d", 250)
	for ; rest > 251; rest -= 251 {
		at = below(t, at, name)
	}
	at = below(t, at, strings.Repeat("d", rest-1))
	entries := list(t, root).Entries
	assert.Equal(t, len(entries[len(entries)-1].Path), tree.MaxPath-1)

	below(t, at, "x")
	_, err = tree.List(root)
	assert.ErrorIs(t, err, tree.ErrInvalidPath)
}

// below makes a directory and goes into it.
func below(t *testing.T, at *os.Root, name string) *os.Root {
	t.Helper()
	defer func() { assert.Check(t, at.Close()) }()
	assert.NilError(t, at.Mkdir(name, 0o700))
	next, err := at.OpenRoot(name)
	assert.NilError(t, err)
	return next
}

func TestListPassesOverStagingDirectories(t *testing.T) {
	dir := t.TempDir()
	w, err := tree.NewWriter(dir, tree.WriterOptions{})
	assert.NilError(t, err)
	defer func() { assert.Check(t, w.Abort()) }()
	assert.NilError(t, w.Mkdir("secret"))
	l := list(t, dir)
	assert.Equal(t, len(l.Entries), 0)
	assert.Equal(t, len(l.Skipped), 1)
}
