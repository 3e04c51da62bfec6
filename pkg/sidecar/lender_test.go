package sidecar

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestALentFileIsReadAsTheShimSeesIt(t *testing.T) {
	lent, shim := lend(t)
	path := filepath.Join(t.TempDir(), "file")
	assert.NilError(t, os.WriteFile(path, []byte("content"), 0o600))
	var sender sync.WaitGroup
	defer sender.Wait()
	sender.Go(func() { reply(t, shim, handoff.Reply{}, path) })

	files, err := lent.Open(t.Context(), []tree.Path{"file"})
	assert.NilError(t, err)
	defer files[0].Close() //nolint:errcheck // nothing was written
	content, err := io.ReadAll(io.NewSectionReader(files[0], 0, 100))
	assert.NilError(t, err)
	assert.Equal(t, string(content), "content")
}

// The application can replace its shim: whatever comes over the socket is checked.
func TestAHostileShimIsRefused(t *testing.T) {
	dir := t.TempDir()
	regular, fifo := filepath.Join(dir, "regular"), filepath.Join(dir, "fifo")
	assert.NilError(t, os.WriteFile(regular, nil, 0o600))
	assert.NilError(t, unix.Mkfifo(fifo, 0o600))
	tests := map[string]struct {
		reply handoff.Reply
		lend  []string
		want  string
	}{
		"more files than names":         {handoff.Reply{}, []string{regular, regular}, "lent 2 files for 1 names"},
		"a FIFO, which would block":     {handoff.Reply{}, []string{fifo}, "not a regular file"},
		"a directory":                   {handoff.Reply{}, []string{dir}, "not a regular file"},
		"a device":                      {handoff.Reply{}, []string{"/dev/zero"}, "not a regular file"},
		"an error beside a file for it": {handoff.Reply{Errors: map[int]*handoff.RemoteError{0: {Message: "no"}}}, []string{regular}, "file: no"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			lent, shim := lend(t)
			before := openFiles(t)
			var sender sync.WaitGroup
			sender.Go(func() { reply(t, shim, tc.reply, tc.lend...) })
			_, err := lent.Open(t.Context(), []tree.Path{"file"})
			sender.Wait()
			assert.ErrorContains(t, err, tc.want)
			assert.Assert(t, openFiles(t) == before, "descriptors are left open")
		})
	}
}

func TestAskingAShimThatIsGoneFailsAtOnce(t *testing.T) {
	lent, shim := lend(t)
	go func() {
		_, _ = shim.Receive(new(handoff.Request)) // it dies over the request
		_ = shim.Close()
	}()
	_, err := lent.List(t.Context())
	assert.ErrorIs(t, err, errShimGone)
}

func TestAskingEndsWithItsContextThoughTheShimHangs(t *testing.T) {
	lent, _ := lend(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the time is up")
	cancel(reason)
	_, err := lent.List(ctx)
	assert.ErrorIs(t, err, reason)
}

// What was asked for may still come: until then nothing is asked any more, but the shim is not taken for gone.
func TestNothingIsAskedOfAShimThatOwesAnAnswer(t *testing.T) {
	shim, sidecar := connection(t)
	gone := make(chan error, 1)
	lent := lentTree{newLender(t.Context(), sidecar, quiet(), func(err error) { gone <- err }), "out"}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := lent.List(ctx)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = lent.List(ctx)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, len(gone), 0)

	assert.NilError(t, shim.Send(handoff.Reply{Entries: []tree.Entry{{Path: "late"}}, More: true}))
	assert.NilError(t, shim.Send(handoff.Reply{Entries: []tree.Entry{{Path: "later"}}, Handles: []int{4, 5}}))
	asked := make(chan handoff.Op, 4)
	go answerAfterFirst(shim, asked, handoff.Reply{}, handoff.Reply{Entries: []tree.Entry{{Path: "new"}}})
	listing, err := lent.List(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, listing.Entries, []tree.Entry{{Path: "new"}})
	assert.Equal(t, <-asked, handoff.OpList, "the one that nobody waited for")
	assert.Equal(t, <-asked, handoff.OpClose, "what it has opened")
	assert.Equal(t, <-asked, handoff.OpList)
}

// answerAfterFirst receives one request more than it has replies, and gives them from the second on.
func answerAfterFirst(shim *handoff.Conn, asked chan<- handoff.Op, replies ...handoff.Reply) {
	defer close(asked)
	for i := range len(replies) + 1 {
		var req handoff.Request
		if _, err := shim.Receive(&req); err != nil {
			return
		}
		asked <- req.Op
		if i > 0 {
			_ = shim.Send(replies[i-1]) // who waits for it notices
		}
	}
}

func TestAMessageThatIsNoReplyFailsWhatWasAsked(t *testing.T) {
	dir := handoff.Dir(t.TempDir())
	listener, err := handoff.Listen(dir)
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // nothing was written
	hostile, err := handoff.Dial(dir)
	assert.NilError(t, err)
	defer hostile.Close() //nolint:errcheck // nothing was written
	conn, err := listener.Accept()
	assert.NilError(t, err)
	lent := lentTree{newLender(t.Context(), conn, quiet(), func(error) {}), "out"}
	assert.NilError(t, hostile.Send("gibberish"))
	_, err = lent.List(t.Context())
	assert.ErrorContains(t, err, "cannot unmarshal")
}

func TestAListingComesInAsManyMessagesAsItTakes(t *testing.T) {
	lent, shim := lend(t)
	go func() {
		_, _ = shim.Receive(new(handoff.Request)) // what was asked does not matter
		_ = shim.Send(handoff.Reply{Entries: []tree.Entry{{Path: "a"}}, More: true})
		_ = shim.Send(handoff.Reply{Entries: []tree.Entry{{Path: "b"}}, Skipped: []tree.Path{"fifo"}})
	}()
	listing, err := lent.List(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, listing, tree.Listing{Entries: []tree.Entry{{Path: "a"}, {Path: "b"}}, Skipped: []tree.Path{"fifo"}})
}

func TestBatchesFitIntoMessagesWhateverTheNames(t *testing.T) {
	shim, sidecar := connection(t)
	worst := tree.Path(strings.Repeat("\x01", 4000))
	var entries []tree.Entry
	for range 20 {
		entries = append(entries, tree.Entry{Path: worst, Link: worst, Type: tree.Symlink, Mode: 0o777, Size: 1 << 62})
	}
	var joined []tree.Entry
	for batch := range batches(entries, entryCost) {
		joined = append(joined, batch...)
		assert.NilError(t, sidecar.Send(handoff.Request{Op: handoff.OpMake, Entries: batch}))
		var req handoff.Request
		_, err := shim.Receive(&req)
		assert.NilError(t, err)
	}
	assert.Assert(t, slices.EqualFunc(joined, entries, func(a, b tree.Entry) bool { return a.Path == b.Path }))
}

// lend returns a tree as the sidecar sees it, and the connection that its shim answers on.
func lend(t *testing.T) (lentTree, *handoff.Conn) {
	t.Helper()
	shim, sidecar := connection(t)
	return lentTree{newLender(t.Context(), sidecar, quiet(), func(error) {}), "out"}, shim
}

func connection(t *testing.T) (shim, sidecar *handoff.Conn) {
	t.Helper()
	dir := handoff.Dir(t.TempDir())
	listener, err := handoff.Listen(dir)
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // nothing was written
	shim, err = handoff.Dial(dir)
	assert.NilError(t, err)
	sidecar, err = listener.Accept()
	assert.NilError(t, err)
	t.Cleanup(func() {
		_ = shim.Close() // may be closed already
		_ = sidecar.Close()
	})
	return shim, sidecar
}

// reply answers one request with open files.
func reply(t *testing.T, shim *handoff.Conn, reply handoff.Reply, paths ...string) {
	var req handoff.Request
	if _, err := shim.Receive(&req); err != nil {
		t.Error(err)
		return
	}
	var files []*os.File
	for _, path := range paths {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		files = append(files, os.NewFile(uintptr(fd), path))
	}
	defer handoff.CloseAll(files)
	if err := shim.Send(reply, files...); err != nil {
		t.Error(err)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	assert.NilError(t, err)
	return len(entries)
}

func TestAnOutputThatIsNotThereIsToldFromAFileThatVanishedFromIt(t *testing.T) {
	absent := &handoff.RemoteError{Kind: "not-exist", Message: "no such file"}
	lent, shim := lend(t)
	var sender sync.WaitGroup
	sender.Go(func() { reply(t, shim, handoff.Reply{Error: absent}) })
	_, err := output{lent}.List(t.Context())
	assert.ErrorIs(t, err, errNoOutput)
	sender.Wait()

	go reply(t, shim, handoff.Reply{Errors: map[int]*handoff.RemoteError{0: absent}})
	_, err = lent.Open(t.Context(), []tree.Path{"temporary"})
	assert.ErrorContains(t, err, "temporary: no such file")
	assert.Assert(t, !errors.Is(err, errNoOutput))
}
