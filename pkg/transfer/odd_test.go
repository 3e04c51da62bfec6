package transfer_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestE67WhatIsNoFileIsNeverOpened(t *testing.T) {
	repo, from := repository(t, testregistry.Start(t), "odd"), t.TempDir()
	growTree(t, from, map[string]string{"d/f": "x"})
	assert.NilError(t, unix.Mkfifo(filepath.Join(from, "d/fifo"), 0o666))
	assert.NilError(t, unix.Mknod(filepath.Join(from, "d/device"), unix.S_IFCHR|0o666, 0)) // the one that every user may make
	socket, err := net.Listen("unix", filepath.Join(from, "d/socket"))
	assert.NilError(t, err)
	defer func() { assert.Check(t, socket.Close()) }()
	opened := watchOpening(t, filepath.Join(from, "d"))
	pushed := push(t, repo, "v1", from)
	assert.Equal(t, pushed.Files, 1)
	for i, name := range []string{"d/device", "d/fifo", "d/socket"} {
		assert.Assert(t, strings.HasPrefix(pushed.Warnings[i], fmt.Sprintf("%q is a device, FIFO, socket", name)), pushed.Warnings[i])
	}
	assert.DeepEqual(t, opened(), []string{"f"})
	into := t.TempDir()
	pull(t, repo, "v1", into)
	assert.DeepEqual(t, contents(t, into), []string{`dir "d" ""`, `file "d/f"`})
}

// watchOpening returns a function that tells which names in a directory have been opened since, each once.
func watchOpening(t *testing.T, dir string) func() []string {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	assert.NilError(t, err)
	t.Cleanup(func() { assert.Check(t, unix.Close(fd)) })
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_OPEN)
	assert.NilError(t, err)
	return func() []string {
		buf, names := make([]byte, 64<<10), []string{}
		n, err := unix.Read(fd, buf)
		assert.NilError(t, err)
		for at := 0; at < n; {
			length := int(buf[at+12]) | int(buf[at+13])<<8 // of the name, the last of the fields before it
			name := strings.TrimRight(string(buf[at+unix.SizeofInotifyEvent:at+unix.SizeofInotifyEvent+length]), "\x00")
			if name != "" { // the directory itself
				names = append(names, name)
			}
			at += unix.SizeofInotifyEvent + length
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
}

func TestE67WhatIsNoFileInAnArchiveIsLeftOutWithAWarning(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "odd")
	pushLayers(t, repo, layer{tarGzip, ".", true, archive(t, entry{tar.TypeChar, "char", ""}, entry{tar.TypeBlock, "block", ""},
		entry{tar.TypeFifo, "fifo", ""}, regular("f"))})
	into := t.TempDir()
	result := pull(t, repo, "v1", into)
	assert.DeepEqual(t, contents(t, into), []string{`file "f"`})
	for i, name := range []string{"char", "block", "fifo"} {
		assert.Assert(t, strings.HasPrefix(result.Warnings[i], fmt.Sprintf("%q is a device or the like", name)), result.Warnings[i])
	}
}

func TestE68NamesOfEveryKindSurvive(t *testing.T) {
	registry := testregistry.Start(t)
	for kind, size := range map[string]int{"small": 3, "large": 4 << 20} {
		for _, mode := range []os.FileMode{0o644, 0o755} {
			t.Run(fmt.Sprintf("of %s files with mode %o", kind, mode), func(t *testing.T) {
				repo, from := repository(t, registry, "names"), t.TempDir()
				for i, name := range []string{
					"new\nline", "\xff\xfe", strings.Repeat("n", 255), strings.Repeat("\xff", 255), "-rf", "--", "Case", "case", "é", "e\u0301",
					" ", "*", "a\\b", `"`, "%2e%2e", "..a", ".hidden", "\u202e", "d\xff/deeper\n/f", "-d/f",
				} {
					path := filepath.Join(from, name)
					assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
					assert.NilError(t, os.WriteFile(path, []byte(strings.Repeat(string(rune('a'+i)), size)), mode))
				}
				survives(t, repo, from)
				stock := stockPull(t, repo, 3)
				assert.DeepEqual(t, contents(t, stock), contents(t, from))
				assertSameBytes(t, stock, from)
			})
		}
	}
}

func TestE68PathsUpToTheLimitSurviveAndLongerOnesAreNamed(t *testing.T) {
	repo, from := repository(t, testregistry.Start(t), "deep"), t.TempDir()
	growTree(t, from, map[string]string{"f": "x"})
	at, err := os.OpenRoot(from)
	assert.NilError(t, err)
	rest := tree.MaxPath
	for ; rest > 202; rest -= 202 {
		at = beneath(t, at, strings.Repeat("d", 201))
	}
	defer func() { assert.Check(t, at.Close()) }()
	assert.NilError(t, at.WriteFile(strings.Repeat("f", rest), []byte("deep"), 0o600))
	listing, err := tree.List(from)
	assert.NilError(t, err)
	assert.Equal(t, len(listing.Entries[len(listing.Entries)-2].Path), tree.MaxPath)
	survives(t, repo, from)

	assert.NilError(t, at.WriteFile(strings.Repeat("f", rest+1), []byte("too deep"), 0o600))
	_, err = transfer.Push(t.Context(), repo, "v2", transfer.Directory(from), transfer.PushOptions{Retry: quick()})
	assert.ErrorIs(t, err, tree.ErrInvalidPath)
	assert.ErrorContains(t, err, "4096 bytes are more than 4095")
	assert.ErrorContains(t, err, strings.Repeat("d", 39))
	assert.Assert(t, transfer.Final(err))
}

// beneath makes a directory and goes into it.
func beneath(t *testing.T, at *os.Root, name string) *os.Root {
	t.Helper()
	assert.NilError(t, at.Mkdir(name, 0o700))
	next, err := at.OpenRoot(name)
	assert.NilError(t, err)
	assert.NilError(t, at.Close())
	return next
}

// unquiet is a source of whose files one changes each time that some of it has been read, as long as changes are left.
type unquiet struct {
	transfer.Source
	name    tree.Path
	changes []func()
}

func (u *unquiet) Open(ctx context.Context, paths []tree.Path) ([]transfer.File, error) {
	files, err := u.Source.Open(ctx, paths)
	for i := range files {
		if paths[i] == u.name {
			files[i] = unquietFile{files[i], u}
		}
	}
	return files, err
}

type unquietFile struct {
	transfer.File
	of *unquiet
}

func (f unquietFile) ReadAt(b []byte, offset int64) (int, error) {
	n, err := f.File.ReadAt(b, offset)
	if len(f.of.changes) > 0 && offset+int64(n) >= 2 { // beyond a look at the first byte
		f.of.changes[0]()
		f.of.changes = f.of.changes[1:]
	}
	return n, err
}

func TestE69AFileThatChangesWhileItIsReadIsReadOnceMoreAndThenNamed(t *testing.T) {
	registry := testregistry.Start(t)
	for kind, size := range map[string]int{"small": 1000, "large": 5 << 20} {
		for _, mode := range []os.FileMode{0o644, 0o755} {
			for name, change := range map[string]func(path string, i int) error{
				"grows":         func(path string, i int) error { return os.Truncate(path, int64(size+i)) },
				"shrinks":       func(path string, i int) error { return os.Truncate(path, int64(size-i)) },
				"is written to": func(path string, i int) error { return rewrite(path, int64(size-i)) },
			} {
				t.Run(fmt.Sprintf("a %s file of mode %o that %s", kind, mode, name), func(t *testing.T) {
					repo, from := repository(t, registry, "unquiet"), t.TempDir()
					growTree(t, from, map[string]string{"d/log": strings.Repeat("x", size), "d/other": "y"})
					path := filepath.Join(from, "d/log")
					assert.NilError(t, os.Chmod(path, mode))
					left := make([]func(), 10000)
					for i := range left {
						left[i] = func() { assert.Check(t, change(path, i%900+1)) }
					}
					src := &unquiet{Source: transfer.Directory(from), name: "d/log", changes: left[:1]}
					_, err := transfer.Push(t.Context(), repo, "v1", src, transfer.PushOptions{Retry: quick(), Concurrency: 1})
					assert.NilError(t, err)
					into := t.TempDir()
					pull(t, repo, "v1", into)
					assert.DeepEqual(t, describe(t, into), describe(t, from))

					src.changes = left[1:]
					_, err = transfer.Push(t.Context(), repo, "v2", src, transfer.PushOptions{Retry: quick(), Concurrency: 1})
					assert.ErrorIs(t, err, transfer.ErrChanged)
					assert.ErrorContains(t, err, "d/log")
					assert.Assert(t, transfer.Final(err), err)
				})
			}
		}
	}
}

// rewrite changes one byte.
func rewrite(path string, offset int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("r"), offset)
	return errors.Join(err, f.Close())
}

func TestE69AFileThatVanishesBeforeItIsOpenedIsNamed(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "vanishing")
	for _, size := range []int{3, 5 << 20} {
		from := t.TempDir()
		growTree(t, from, map[string]string{"d/gone": strings.Repeat("x", size), "d/other": "y"})
		src := transfer.Directory(from)
		listing, err := src.List(t.Context())
		assert.NilError(t, err)
		assert.NilError(t, os.Remove(filepath.Join(from, "d/gone")))
		_, err = transfer.Push(t.Context(), repo, "v1", listed{src, listing}, transfer.PushOptions{Retry: quick()})
		assert.ErrorIs(t, err, os.ErrNotExist)
		assert.ErrorContains(t, err, "d/gone")
		assert.Assert(t, transfer.Final(err))
	}
}

func TestE70AHundredThousandFilesInOneDirectorySurvive(t *testing.T) {
	if !inChild(t, withMounts) {
		return
	}
	onDisk(t, "2g")
	const many = 100_000
	repo, from, into := repository(t, testregistry.Start(t), "many"), t.TempDir(), t.TempDir()
	dir, err := os.OpenRoot(from)
	assert.NilError(t, err)
	defer func() { assert.Check(t, dir.Close()) }()
	for i := range many {
		f, err := dir.Create(fmt.Sprintf("file-%d", i))
		assert.NilError(t, err)
		if i%1000 == 0 {
			_, err = fmt.Fprint(f, i)
			assert.NilError(t, err)
		}
		assert.NilError(t, f.Close())
	}
	pushed := push(t, repo, "v1", from)
	assert.Equal(t, pushed.Files, many)
	pulled := pull(t, repo, "v1", into)
	assert.Equal(t, pulled.Files, many)
	assert.Equal(t, pulled.Bytes, pushed.Bytes)
	want, err := tree.List(from)
	assert.NilError(t, err)
	got, err := tree.List(into)
	assert.NilError(t, err)
	assert.Equal(t, len(got.Entries), many)
	for i, e := range got.Entries {
		w := want.Entries[i]
		same := e.Path == w.Path && e.Type == w.Type && e.Mode == w.Mode && e.Size == w.Size && e.ModTime.Equal(w.ModTime)
		assert.Assert(t, same, "%v is not %v", e, w)
		if e.Size > 0 {
			assert.Equal(t, sum(t, into, e.Path), sum(t, from, e.Path))
		}
	}
}
