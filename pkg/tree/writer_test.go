package tree_test

import (
	iofs "io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

func newWriter(t *testing.T, target string, opts tree.WriterOptions) *tree.Writer {
	t.Helper()
	w, err := tree.NewWriter(target, opts)
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, w.Abort()) })
	return w
}

// put writes a file with metadata.
func put(t *testing.T, w *tree.Writer, p tree.Path, content string, mode uint32, mtime time.Time) {
	t.Helper()
	f, err := w.Create(p)
	assert.NilError(t, err)
	_, err = f.WriteString(content)
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
	assert.NilError(t, w.SetMeta(tree.Entry{Path: p, Mode: mode, ModTime: mtime}))
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	assert.NilError(t, err)
	list := []string{}
	for _, f := range found {
		list = append(list, f.Name())
	}
	return list
}

func TestWriterRestoresATree(t *testing.T) {
	target := filepath.Join(t.TempDir(), "made", "too")
	w := newWriter(t, target, tree.WriterOptions{})
	old := time.Date(1950, 1, 2, 3, 4, 5, 123456789, time.UTC)
	put(t, w, "d/e/f", "abc", 0o641, old)
	assert.NilError(t, w.Link("d/hard", "d/e/f"))
	assert.NilError(t, w.Symlink("d/abs", "/nowhere/at/all"))
	assert.NilError(t, w.SetMeta(tree.Entry{Path: "d/abs", ModTime: old}))
	assert.NilError(t, w.Symlink("up", "../.."))
	assert.NilError(t, w.Mkdir("empty"))
	assert.NilError(t, w.SetMeta(tree.Entry{Path: "empty", Mode: 0o3711, ModTime: old}))
	assert.NilError(t, w.SetMeta(tree.Entry{Path: "d/e", Mode: 0o700, ModTime: old}))
	assert.DeepEqual(t, shape(list(t, target)), []string(nil))
	assert.NilError(t, w.Commit())

	l := list(t, target)
	assert.DeepEqual(t, shape(l), []string{
		"dir d", "symlink d/abs -> /nowhere/at/all", "dir d/e", "file d/e/f", "hardlink d/hard -> d/e/f", "dir empty",
		"symlink up -> ../..",
	})
	assert.Equal(t, len(l.Skipped), 0)
	for i, want := range map[int]uint32{0: 0o755, 2: 0o700, 3: 0o641, 5: 0o711} {
		assert.Equal(t, l.Entries[i].Mode, want, l.Entries[i].Path)
	}
	for _, i := range []int{1, 2, 3, 5} {
		assert.Assert(t, l.Entries[i].ModTime.Equal(old), "%s: %s", l.Entries[i].Path, l.Entries[i].ModTime)
	}
}

func TestWriterGivesFilesWithoutMetadataUsualModes(t *testing.T) {
	target := t.TempDir()
	w := newWriter(t, target, tree.WriterOptions{})
	f, err := w.Create("d/f")
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
	assert.NilError(t, w.Commit())
	l := list(t, target)
	assert.Equal(t, l.Entries[0].Mode, uint32(0o755))
	assert.Equal(t, l.Entries[1].Mode, uint32(0o644))
}

func TestWriterSharesWithOtherUsers(t *testing.T) {
	target := filepath.Join(t.TempDir(), "made", "in")
	w := newWriter(t, target, tree.WriterOptions{Share: true})
	put(t, w, "d/plain", "", 0o400, time.Time{})
	put(t, w, "d/run", "", 0o500, time.Time{})
	assert.NilError(t, w.SetMeta(tree.Entry{Path: "d", Mode: 0o500}))
	assert.NilError(t, w.Commit())
	var modes []uint32
	for _, e := range list(t, target).Entries {
		modes = append(modes, e.Mode)
	}
	assert.DeepEqual(t, modes, []uint32{0o777, 0o666, 0o777})
	for _, made := range []string{target, filepath.Dir(target)} {
		info, err := os.Stat(made)
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm(), os.FileMode(0o777))
	}
}

func TestE75WriterMergesIntoWhatIsThere(t *testing.T) {
	dir := fs.NewDir(t, "tree",
		fs.WithFile("kept", "old"), fs.WithFile("file", "old"),
		fs.WithDir("d", fs.WithFile("kept", "old"), fs.WithFile("file", "old")),
		fs.WithFile("becomes-dir", "old"), fs.WithDir("becomes-file"))
	outside := fs.NewDir(t, "outside", fs.WithFile("f", "old"))
	assert.NilError(t, os.Symlink(outside.Path(), dir.Join("link-to-dir")))
	assert.NilError(t, os.Symlink(outside.Join("f"), dir.Join("link-to-file")))
	w := newWriter(t, dir.Path(), tree.WriterOptions{})
	for _, p := range []tree.Path{"file", "d/file", "becomes-dir/f", "becomes-file", "link-to-dir/f", "link-to-file"} {
		put(t, w, p, "new", 0o644, time.Time{})
	}
	assert.NilError(t, w.Commit())
	assert.Assert(t, fs.Equal(dir.Path(), fs.Expected(t, fs.MatchAnyFileMode,
		fs.WithFile("kept", "old", fs.MatchAnyFileMode), fs.WithFile("file", "new", fs.MatchAnyFileMode),
		fs.WithDir("d", fs.MatchAnyFileMode,
			fs.WithFile("kept", "old", fs.MatchAnyFileMode), fs.WithFile("file", "new", fs.MatchAnyFileMode)),
		fs.WithDir("becomes-dir", fs.MatchAnyFileMode, fs.WithFile("f", "new", fs.MatchAnyFileMode)),
		fs.WithFile("becomes-file", "new", fs.MatchAnyFileMode),
		fs.WithDir("link-to-dir", fs.MatchAnyFileMode, fs.WithFile("f", "new", fs.MatchAnyFileMode)),
		fs.WithFile("link-to-file", "new", fs.MatchAnyFileMode))))
	content, err := os.ReadFile(outside.Join("f"))
	assert.NilError(t, err)
	assert.Equal(t, string(content), "old")
}

func TestWriterLeavesADirectoryThatIsInTheWay(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithDir("d", fs.WithFile("precious", "")))
	w := newWriter(t, dir.Path(), tree.WriterOptions{})
	put(t, w, "a", "", 0o644, time.Time{})
	put(t, w, "d", "", 0o644, time.Time{})
	assert.ErrorIs(t, w.Commit(), tree.ErrOccupied)
	assert.NilError(t, w.Abort())
	assert.DeepEqual(t, shape(list(t, dir.Path())), []string{"dir d", "file d/precious"})
}

func TestWriterAbortLeavesNothing(t *testing.T) {
	target := t.TempDir()
	w := newWriter(t, target, tree.WriterOptions{})
	put(t, w, "d/f", "abc", 0o400, time.Time{})
	assert.NilError(t, w.Abort())
	assert.NilError(t, w.Abort())
	assert.DeepEqual(t, names(t, target), []string{})
	assert.ErrorIs(t, w.Mkdir("d"), tree.ErrClosed)
	assert.ErrorIs(t, w.Commit(), tree.ErrClosed)
}

func TestWriterAbortAfterCommitDoesNothing(t *testing.T) {
	target := t.TempDir()
	w := newWriter(t, target, tree.WriterOptions{})
	put(t, w, "f", "abc", 0o644, time.Time{})
	assert.NilError(t, w.Commit())
	assert.NilError(t, w.Abort())
	assert.DeepEqual(t, names(t, target), []string{"f"})
}

func TestWriterRemovesWhatADeadOneLeft(t *testing.T) {
	target := t.TempDir()
	stale := filepath.Join(target, ".oras-staging-0123456789abcdef")
	assert.NilError(t, os.MkdirAll(filepath.Join(stale, "d"), 0o700))
	assert.NilError(t, os.WriteFile(filepath.Join(stale, "d", "f"), nil, 0o400))
	assert.NilError(t, os.WriteFile(filepath.Join(target, ".oras-mine"), nil, 0o600))
	alive := newWriter(t, target, tree.WriterOptions{})
	put(t, alive, "f", "abc", 0o644, time.Time{})
	second := newWriter(t, target, tree.WriterOptions{})
	assert.NilError(t, second.Commit())
	assert.NilError(t, alive.Commit())
	assert.DeepEqual(t, names(t, target), []string{".oras-mine", "f"})
}

func TestE76WriterRefusesNamesThatAreUnsafe(t *testing.T) {
	target := t.TempDir()
	w := newWriter(t, target, tree.WriterOptions{})
	assert.NilError(t, w.Symlink("link", "/etc"))
	put(t, w, "file", "", 0o644, time.Time{})
	for name, test := range map[string]struct {
		path tree.Path
		want error
	}{
		"out of the tree":   {"../x", tree.ErrInvalidPath},
		"absolute":          {"/etc/x", tree.ErrInvalidPath},
		"with a NUL":        {"a\x00", tree.ErrInvalidPath},
		"through a symlink": {"link/x", tree.ErrThroughLink},
		"onto a symlink":    {"link", iofs.ErrExist},
		"through a file":    {"file/x", iofs.ErrExist},
		"onto a file":       {"file", iofs.ErrExist},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Create(test.path)
			assert.ErrorIs(t, err, test.want)
			assert.ErrorIs(t, w.Symlink(test.path, "x"), test.want)
			assert.ErrorIs(t, w.Link(test.path, "file"), test.want)
		})
	}
	assert.ErrorIs(t, w.Mkdir("link"), tree.ErrThroughLink)
	assert.ErrorIs(t, w.Mkdir("file"), iofs.ErrExist)
	assert.ErrorIs(t, w.Symlink("new", ""), tree.ErrInvalidPath)
	assert.ErrorIs(t, w.Symlink("new", "a\x00"), tree.ErrInvalidPath)
}

func TestE76WriterLinksOnlyToItsOwnFiles(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithFile("there", "secret"))
	w := newWriter(t, dir.Path(), tree.WriterOptions{})
	assert.NilError(t, w.Symlink("link", "there"))
	for _, old := range []tree.Path{"there", "link", "../there", "/etc/passwd", "missing"} {
		assert.ErrorIs(t, w.Link("new", old), iofs.ErrNotExist, old)
	}
}

func TestWriterMayBeUsedByMany(t *testing.T) {
	target := t.TempDir()
	w := newWriter(t, target, tree.WriterOptions{})
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			p := tree.Path("shared/deep/" + strconv.Itoa(i))
			f, err := w.Create(p)
			if err == nil {
				err = f.Close()
			}
			assert.Check(t, err)
			assert.Check(t, w.SetMeta(tree.Entry{Path: p, Mode: 0o600}))
		})
	}
	group.Wait()
	assert.NilError(t, w.Commit())
	assert.Equal(t, len(list(t, target).Entries), 2+64)
}

// asNobody runs a step with the rights of a user who owns dir, a t.TempDir(), and nothing else.
func asNobody(t *testing.T, dir string, step func()) {
	t.Helper()
	if os.Getuid() != 0 {
		step()
		return
	}
	const nobody = 65534
	assert.NilError(t, os.Chown(dir, nobody, nobody))
	assert.NilError(t, os.Chmod(filepath.Dir(dir), 0o711))
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		if err := unix.Setfsuid(nobody); err != nil {
			t.Error(err)
			return
		}
		step()
	}()
	<-done
}

func TestE63WriterRestoresReadOnlyDirectoriesForANormalUser(t *testing.T) {
	target := t.TempDir()
	asNobody(t, target, func() {
		for range 2 { // the second time into what the first left
			w, err := tree.NewWriter(target, tree.WriterOptions{})
			if !assert.Check(t, err) {
				return
			}
			defer func() { assert.Check(t, w.Abort()) }()
			f, err := w.Create("a/b/f")
			if !assert.Check(t, err) {
				return
			}
			assert.Check(t, f.Close())
			for _, p := range []tree.Path{"a", "a/b"} {
				assert.Check(t, w.SetMeta(tree.Entry{Path: p, Mode: 0o555, ModTime: time.Unix(1, 2)}))
			}
			assert.Check(t, w.SetMeta(tree.Entry{Path: "a/b/f", Mode: 0, ModTime: time.Unix(3, 4)}))
			assert.Check(t, w.Commit())
		}
	})
	l := list(t, target)
	assert.DeepEqual(t, shape(l), []string{"dir a", "dir a/b", "file a/b/f"})
	assert.Equal(t, l.Entries[0].Mode, uint32(0o555))
	assert.Equal(t, l.Entries[1].Mode, uint32(0o555))
	assert.Equal(t, l.Entries[2].Mode, uint32(0))
	assert.Assert(t, l.Entries[1].ModTime.Equal(time.Unix(1, 2)))
	assert.Equal(t, len(l.Skipped), 0)
}

func TestWriterKeepsModesOfDirectoriesThatItIsNotToldAbout(t *testing.T) {
	target := t.TempDir()
	asNobody(t, target, func() {
		assert.Check(t, os.Mkdir(filepath.Join(target, "d"), 0o700))
		assert.Check(t, os.Chmod(filepath.Join(target, "d"), 0o510))
		w, err := tree.NewWriter(target, tree.WriterOptions{})
		if !assert.Check(t, err) {
			return
		}
		defer func() { assert.Check(t, w.Abort()) }()
		f, err := w.Create("d/f")
		if assert.Check(t, err) {
			assert.Check(t, f.Close())
		}
		assert.Check(t, w.Commit())
	})
	l := list(t, target)
	assert.DeepEqual(t, shape(l), []string{"dir d", "file d/f"})
	assert.Equal(t, l.Entries[0].Mode, uint32(0o510))
}

func TestWriterNamesATargetThatItCannotWrite(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithFile("file", ""))
	_, err := tree.NewWriter(dir.Join("file"), tree.WriterOptions{})
	assert.ErrorContains(t, err, dir.Join("file"))
	readonly := dir.Join("readonly")
	assert.NilError(t, os.Mkdir(readonly, 0o555))
	asNobody(t, t.TempDir(), func() {
		_, err := tree.NewWriter(readonly, tree.WriterOptions{})
		assert.Check(t, err != nil)
	})
}
