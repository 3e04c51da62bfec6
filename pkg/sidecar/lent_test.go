package sidecar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	iofs "io/fs"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/registry"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// largeContent takes more than one piece.
func largeContent() string { return strings.Repeat("0123456789abcdef", 10_000) + "end" }

func TestFilesOfTheContainerAreReadWhereverTheyAreAskedFor(t *testing.T) {
	large := largeContent()
	eachWay(t, func(t *testing.T, l *lender) {
		dir := fs.NewDir(t, "out", fs.WithFile("large", large), fs.WithFile("empty", ""), fs.WithDir("sub", fs.WithFile("small", "abc")))
		lent := lentTree{l, dir.Path()}
		files, err := lent.Open(t.Context(), []tree.Path{"large", "empty", "sub/small"})
		assert.NilError(t, err)
		for i, want := range []string{large, "", "abc"} {
			content, err := io.ReadAll(io.NewSectionReader(files[i], 0, 1<<40))
			assert.NilError(t, err)
			assert.Assert(t, string(content) == want)
			whole := make([]byte, len(want))
			n, err := files[i].ReadAt(whole, 0)
			assert.NilError(t, err)
			assert.Equal(t, n, len(want))
			n, err = files[i].ReadAt(make([]byte, 4), int64(len(want)))
			assert.ErrorIs(t, err, io.EOF)
			assert.Equal(t, n, 0)
			assert.NilError(t, files[i].Close())
		}
	})
}

func TestE69AFileThatChangesIsSeenToChange(t *testing.T) {
	eachWay(t, func(t *testing.T, l *lender) {
		dir := fs.NewDir(t, "out", fs.WithFile("f", "abc"))
		lent := lentTree{l, dir.Path()}
		listing, err := lent.List(t.Context())
		assert.NilError(t, err)
		files, err := lent.Open(t.Context(), []tree.Path{"f"})
		assert.NilError(t, err)
		before, err := tree.Stat(files[0])
		assert.NilError(t, err)
		assert.Assert(t, tree.SameFile(before, listing.Entries[0]))
		assert.Equal(t, before.Mode, listing.Entries[0].Mode)

		assert.NilError(t, os.WriteFile(dir.Join("f"), []byte("abcd"), 0o600))
		n, err := files[0].ReadAt(make([]byte, 3), 0)
		assert.NilError(t, err)
		assert.Equal(t, n, 3)
		after, err := tree.Stat(files[0])
		assert.NilError(t, err)
		assert.Assert(t, !tree.SameFile(before, after))
		assert.Equal(t, after.Size, int64(4))
		assert.NilError(t, files[0].Close())
	})
}

func TestAnInputIsWrittenThroughTheShim(t *testing.T) {
	large := largeContent()
	eachWay(t, func(t *testing.T, l *lender) {
		dir := fs.NewDir(t, "in")
		sink, err := beginWriting(t.Context(), l, dir.Path())
		assert.NilError(t, err)
		mtime := time.Unix(1_000_000_000, 0)
		files, err := sink.Create(t.Context(), []tree.Entry{
			{Path: "large", Mode: 0o600, ModTime: mtime}, {Path: "sub/small", Mode: 0o644}, {Path: "empty", Mode: 0o600},
		})
		assert.NilError(t, err)
		for i, content := range []string{large, "abc", ""} {
			n, err := io.Copy(files[i], strings.NewReader(content))
			assert.NilError(t, err)
			assert.Equal(t, n, int64(len(content)))
			assert.NilError(t, files[i].Close())
		}
		_, err = sink.Create(t.Context(), []tree.Entry{{Path: "empty", Mode: 0o600}})
		assert.ErrorIs(t, err, iofs.ErrExist)
		assert.NilError(t, sink.Make(t.Context(), []tree.Entry{{Path: "hard", Type: tree.Hardlink, Link: "large"}}))
		assert.NilError(t, sink.Commit(t.Context()))
		assert.Assert(t, fs.Equal(dir.Path(), fs.Expected(t, fs.MatchAnyFileMode,
			fs.WithFile("large", large, fs.WithMode(0o600)), fs.WithFile("hard", large, fs.WithMode(0o600)),
			fs.WithDir("sub", fs.WithFile("small", "abc", fs.WithMode(0o644))), fs.WithFile("empty", "", fs.WithMode(0o600)))))
		info, err := os.Stat(dir.Join("large"))
		assert.NilError(t, err)
		assert.Assert(t, info.ModTime().Equal(mtime))
	})
}

func TestWhatCannotBeOpenedIsNamed(t *testing.T) {
	eachWay(t, func(t *testing.T, l *lender) {
		dir := fs.NewDir(t, "out", fs.WithFile("a", "1"), fs.WithSymlink("link", "a"))
		lent := lentTree{l, dir.Path()}
		_, err := lent.Open(t.Context(), []tree.Path{"a", "gone"})
		assert.ErrorIs(t, err, iofs.ErrNotExist)
		assert.ErrorContains(t, err, "gone")
		_, err = lent.Open(t.Context(), []tree.Path{"link"})
		assert.ErrorContains(t, err, "not a regular file")
	})
}

// As when one layer of several fails: what the others were at is given up, and the shim can be asked on.
func TestAskingGoesOnAfterSomeHaveGivenUp(t *testing.T) {
	large := largeContent()
	eachWay(t, func(t *testing.T, l *lender) {
		dir := fs.NewDir(t, "out", fs.WithFile("large", large))
		lent := lentTree{l, dir.Path()}
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			var group errgroup.Group
			for range 4 {
				group.Go(func() error {
					for {
						files, err := lent.Open(ctx, []tree.Path{"large"})
						if err != nil {
							return err
						}
						_, err = files[0].ReadAt(make([]byte, len(large)), 0)
						if closeErr := files[0].Close(); err != nil || closeErr != nil {
							return err
						}
					}
				})
			}
			cancel()
			assert.ErrorIs(t, group.Wait(), context.Canceled)
		}
		files, err := lent.Open(t.Context(), []tree.Path{"large"})
		assert.NilError(t, err)
		content, err := io.ReadAll(io.NewSectionReader(files[0], 0, 1<<40))
		assert.NilError(t, err)
		assert.Assert(t, string(content) == large)
		assert.NilError(t, files[0].Close())
	})
}

func TestFilesThatAreOfNoMoreUseAreClosed(t *testing.T) {
	l := ways()["bytes"].lender(t, quiet())
	dir := fs.NewDir(t, "out", fs.WithFile("f", "abc"))
	lent := lentTree{l, dir.Path()}
	for range 300 { // more than a shim has open at a time
		files, err := lent.Open(t.Context(), []tree.Path{"f"})
		assert.NilError(t, err)
		assert.NilError(t, files[0].Close())
	}
	_, err := lent.List(t.Context())
	assert.NilError(t, err)
	sink, err := beginWriting(t.Context(), l, dir.Join("in"))
	assert.NilError(t, err)
	for i := range 300 {
		files, err := sink.Create(t.Context(), []tree.Entry{{Path: tree.Path(fmt.Sprint(i))}})
		assert.NilError(t, err)
		assert.NilError(t, files[0].Close())
	}
	assert.NilError(t, sink.Commit(t.Context()))
}

// A step pushes what it made and the next one gets it, names, modes, times, links and contents.
func TestATreeGoesThroughTheRegistryFromOneShimToAnother(t *testing.T) {
	large := largeContent()
	served, err := registry.New(registry.Config{Storage: storage.Config{Root: t.TempDir()}})
	assert.NilError(t, err)
	server := httptest.NewServer(served)
	t.Cleanup(func() {
		server.Close()
		assert.NilError(t, served.Close())
	})
	from := fs.NewDir(t, "from", fs.WithFile("raw", strings.Repeat(large, 40)), fs.WithFile("run", strings.Repeat("!"+large, 70), fs.WithMode(0o755)),
		fs.WithDir("many", fs.WithMode(0o750)), fs.WithFile("new\nline\xff", "odd"), fs.WithFile("empty", ""), fs.WithDir("hollow"))
	for i := range 100 {
		assert.NilError(t, os.WriteFile(fmt.Sprintf("%s/%03d", from.Join("many"), i), []byte(large[:i*30]), 0o640))
	}
	assert.NilError(t, os.Symlink("many/000", from.Join("link")))
	assert.NilError(t, os.Link(from.Join("raw"), from.Join("hard")))
	count := 0
	eachWay(t, func(t *testing.T, l *lender) {
		count++
		host := transfer.Registry{Host: strings.TrimPrefix(server.URL, "http://"), PlainHTTP: true}
		repo, err := host.Repository(fmt.Sprint("tree-", count)) // which has nothing yet
		assert.NilError(t, err)
		pushed, err := transfer.Push(t.Context(), repo, "v1", lentTree{l, from.Path()}, transfer.PushOptions{})
		assert.NilError(t, err)
		into := t.TempDir()
		sink, err := beginWriting(t.Context(), l, into)
		assert.NilError(t, err)
		pulled, err := transfer.Pull(t.Context(), repo, pushed.Descriptor.Digest.String(), sink, transfer.PullOptions{})
		assert.NilError(t, err)
		assert.Equal(t, pulled.Bytes, pushed.Bytes)
		assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
	})
}

// describe lists a tree with all that is to come through, one line for each entry.
func describe(t *testing.T, path string) []string {
	t.Helper()
	listing, err := tree.List(path)
	assert.NilError(t, err)
	var lines []string
	for _, e := range listing.Entries {
		line := fmt.Sprintf("%s %q %q %o", e.Type, string(e.Path), string(e.Link), e.Mode)
		if e.Type != tree.Hardlink {
			line += " " + e.ModTime.Format(time.RFC3339Nano)
		}
		if e.Type == tree.File {
			content, err := os.ReadFile(path + "/" + string(e.Path))
			assert.NilError(t, err)
			line += fmt.Sprintf(" %d %x", len(content), sha256.Sum256(content))
		}
		lines = append(lines, line)
	}
	return lines
}

// The application can replace its shim: what it tells of files that it keeps is checked too.
func TestAHostileShimIsRefusedOverTheSocketToo(t *testing.T) {
	file := []tree.Entry{{Type: tree.File, Size: 3}}
	opened := handoff.Reply{Handles: []int{1}, States: file}
	for name, tc := range map[string]struct {
		open, read handoff.Reply
		bytes      int
		want       string
	}{
		"no handle for a name":       {open: handoff.Reply{States: file}, want: "opened 0 files, of which it describes 1, for 1 names"},
		"more handles than names":    {open: handoff.Reply{Handles: []int{1, 2}, States: file}, want: "opened 2 files"},
		"a handle without a state":   {open: handoff.Reply{Handles: []int{1}}, want: "it describes 0"},
		"a directory":                {open: handoff.Reply{Handles: []int{1}, States: []tree.Entry{{Type: tree.Dir}}}, want: "not a regular file"},
		"a size below nothing":       {open: handoff.Reply{Handles: []int{1}, States: []tree.Entry{{Type: tree.File, Size: -1}}}, want: "-1 bytes"},
		"more than was asked for":    {open: opened, read: handoff.Reply{Length: 4, States: file}, bytes: 4, want: "read 4 bytes instead of 3"},
		"bytes without a state":      {open: opened, read: handoff.Reply{Length: 3}, bytes: 3, want: "tells 0 states"},
		"a state that cannot be":     {open: opened, read: handoff.Reply{Length: 3, States: []tree.Entry{{}}}, bytes: 3, want: "not a regular file"},
		"fewer bytes than announced": {open: opened, read: handoff.Reply{Length: 3, States: file}, bytes: 2, want: "not the 3 that were announced"},
		"fewer bytes than nothing":   {open: opened, read: handoff.Reply{Length: -1, States: file}, want: "announces -1 bytes"},
		"more bytes than may be":     {open: opened, read: handoff.Reply{Length: 65537, States: file}, want: "the bound is 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			lent, shim := lend(t)
			lent.lender.stream.Store(true)
			go func() {
				for _, reply := range []handoff.Reply{tc.open, tc.read} {
					_, _ = shim.Receive(new(handoff.Request)) // what was asked does not matter
					_ = shim.Send(reply)                      // nor whether anybody listens
				}
				_ = shim.SendBytes(bytes.Repeat([]byte("x"), tc.bytes))
			}()
			files, err := lent.Open(t.Context(), []tree.Path{"f"})
			if err == nil {
				_, err = files[0].ReadAt(make([]byte, 3), 0)
			}
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

// As of a file in a FUSE file system, which answers only the user that mounted it.
func TestADescriptorThatCannotBeLookedAtIsOfNoUse(t *testing.T) {
	f, err := os.Open(os.DevNull)
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
	assert.ErrorIs(t, checkDescriptors([]tree.Path{"f"}, []*os.File{f}), handoff.ErrDescriptors)
}

func TestATreeOfAShimThatHangsIsNotWaitedForLong(t *testing.T) {
	lent, _ := lend(t)
	sink := &lentSink{lender: lent.lender}
	assert.ErrorIs(t, sink.Abort(t.Context()), context.DeadlineExceeded)
}
