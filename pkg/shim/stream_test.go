package shim

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestSidecarReadsFilesOverTheSocket(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", handoff.MaxStream/16) + "end"
	dir := fs.NewDir(t, "out", fs.WithFile("a", "first"), fs.WithFile("large", large), fs.WithFile("empty", ""), fs.WithSymlink("link", "a"))
	peer := servingAs(t, LendBytes)
	reply := peer.ask(t, handoff.Request{Op: handoff.OpOpen, Path: dir.Path(), Names: []tree.Path{"large", "link", "a", "empty"}, Stream: true})
	assert.Equal(t, len(reply.Handles), 3)
	assert.Equal(t, len(reply.States), 3)
	assert.Equal(t, reply.States[0].Size, int64(len(large)))
	assert.Equal(t, reply.States[0].Type, tree.File)
	assert.Assert(t, reply.Errors[1] != nil, "a symlink is not opened")

	first, state := peer.read(t, reply.Handles[0], 0, handoff.MaxStream)
	last, _ := peer.read(t, reply.Handles[0], handoff.MaxStream, handoff.MaxStream)
	assert.Assert(t, first+last == large)
	assert.Assert(t, tree.SameFile(state, reply.States[0]))
	small, _ := peer.read(t, reply.Handles[1], 1, 3)
	assert.Equal(t, small, "irs")
	none, _ := peer.read(t, reply.Handles[2], 0, 10)
	assert.Equal(t, none, "")
	beyond, _ := peer.read(t, reply.Handles[1], 1<<40, 10)
	assert.Equal(t, beyond, "")

	assert.NilError(t, os.WriteFile(dir.Join("a"), []byte("longer than first"), 0o600))
	_, state = peer.read(t, reply.Handles[1], 0, 1)
	assert.Equal(t, state.Size, int64(17), "what is read comes with the state that the file is in now")
}

func TestSidecarWritesFilesOverTheSocket(t *testing.T) {
	dir := fs.NewDir(t, "in")
	peer := servingAs(t, LendBytes)
	peer.do(t, handoff.Request{Op: handoff.OpBegin, Path: dir.Path()})
	reply := peer.ask(t, handoff.Request{Op: handoff.OpCreate, Stream: true, Entries: []tree.Entry{
		{Path: "sub/a", Type: tree.File, Mode: 0o600}, {Path: "../b", Type: tree.File}, {Path: "empty", Type: tree.File, Mode: 0o600},
	}})
	assert.Equal(t, len(reply.Handles), 2)
	assert.ErrorContains(t, reply.Errors[1], "invalid path")
	peer.write(t, reply.Handles[0], 0, "first")
	peer.write(t, reply.Handles[0], 5, " second")
	peer.do(t, handoff.Request{Op: handoff.OpClose, Handles: reply.Handles})
	peer.do(t, handoff.Request{Op: handoff.OpCommit})
	assert.Assert(t, fs.Equal(dir.Path(), fs.Expected(t, fs.WithMode(0o700), fs.MatchAnyFileMode,
		fs.WithDir("sub", fs.WithFile("a", "first second", fs.WithMode(0o600))), fs.WithFile("empty", "", fs.WithMode(0o600)))))
}

func TestNothingIsWrittenToAFileThatIsLentForReading(t *testing.T) {
	dir := fs.NewDir(t, "out", fs.WithFile("a", "mine"))
	peer := serving(t)
	reply := peer.ask(t, handoff.Request{Op: handoff.OpOpen, Path: dir.Path(), Names: []tree.Path{"a"}, Stream: true})
	assert.NilError(t, peer.conn.Send(handoff.Request{Op: handoff.OpWrite, Handle: reply.Handles[0], Length: 1}))
	assert.NilError(t, peer.conn.SendBytes([]byte("x")))
	assert.ErrorContains(t, peer.reply(t).Error, "bad file descriptor")
	assert.Equal(t, read(t, dir.Join("a")), "mine")
}

func TestAHandleThatWasClosedIsNotOpen(t *testing.T) {
	dir := fs.NewDir(t, "out", fs.WithFile("a", "1"), fs.WithFile("b", "2"))
	peer := serving(t)
	open := handoff.Request{Op: handoff.OpOpen, Path: dir.Path(), Names: []tree.Path{"a", "b"}, Stream: true}
	handles := peer.ask(t, open).Handles
	peer.do(t, handoff.Request{Op: handoff.OpClose, Handles: handles[:1]})
	closed := fmt.Sprintf("handle %d is not open", handles[0])
	assert.ErrorContains(t, peer.ask(t, handoff.Request{Op: handoff.OpRead, Handle: handles[0], Length: 1}).Error, closed)
	assert.ErrorContains(t, peer.ask(t, handoff.Request{Op: handoff.OpClose, Handles: handles}).Error, closed)
	assert.Assert(t, peer.ask(t, handoff.Request{Op: handoff.OpRead, Handle: handles[1], Length: 1}).Error != nil, "the other one is closed all the same")
	for _, again := range peer.ask(t, open).Handles {
		assert.Assert(t, !slices.Contains(handles, again), "a number stands for one file alone")
	}

	assert.NilError(t, peer.conn.Send(handoff.Request{Op: handoff.OpWrite, Handle: handles[0], Length: 3}))
	assert.NilError(t, peer.conn.SendBytes([]byte("abc")))
	assert.ErrorContains(t, peer.reply(t).Error, closed, "the bytes are not taken for a request")
	assert.Equal(t, len(peer.ask(t, handoff.Request{Op: handoff.OpList, Path: dir.Path()}).Entries), 2)
}

func TestFilesThatAreOpenOverTheSocketAreBoundedAndClosedWithIt(t *testing.T) {
	dir := fs.NewDir(t, "out", fs.WithFile("a", "1"))
	before := openFilesIn(t, dir.Path())
	assert.Equal(t, before, 0)
	peer := serving(t)
	open := handoff.Request{Op: handoff.OpOpen, Path: dir.Path(), Names: slices.Repeat([]tree.Path{"a"}, handoff.MaxFiles), Stream: true}
	for range maxHandles / handoff.MaxFiles {
		assert.Equal(t, len(peer.ask(t, open).Handles), handoff.MaxFiles)
	}
	open.Names = open.Names[:1]
	assert.ErrorContains(t, peer.ask(t, open).Error, "128 files are open already")
	peer.do(t, handoff.Request{Op: handoff.OpClose, Handles: []int{1}})
	assert.Equal(t, len(peer.ask(t, open).Handles), 1)
	assert.Equal(t, openFilesIn(t, dir.Path()), maxHandles)

	assert.NilError(t, peer.conn.Close())
	assert.ErrorIs(t, <-peer.served, io.EOF)
	assert.Equal(t, openFilesIn(t, dir.Path()), 0)
}

func TestAShimThatLendsBytesLendsNoDescriptorsAndCreatesNothing(t *testing.T) {
	dir := fs.NewDir(t, "both", fs.WithFile("a", "1"))
	peer := servingAs(t, LendBytes)
	assert.ErrorIs(t, peer.ask(t, handoff.Request{Op: handoff.OpOpen, Path: dir.Path(), Names: []tree.Path{"a"}}).Error, handoff.ErrDescriptors)
	peer.do(t, handoff.Request{Op: handoff.OpBegin, Path: dir.Path()})
	create := handoff.Request{Op: handoff.OpCreate, Entries: []tree.Entry{{Path: "b", Type: tree.File}}}
	assert.ErrorIs(t, peer.ask(t, create).Error, handoff.ErrDescriptors)
	create.Stream = true
	assert.Equal(t, len(peer.ask(t, create).Handles), 1)
}

func TestFilesThatWereLentInVainAreCreatedAgain(t *testing.T) {
	dir := fs.NewDir(t, "in")
	peer := serving(t)
	peer.do(t, handoff.Request{Op: handoff.OpBegin, Path: dir.Path()})
	create := handoff.Request{Op: handoff.OpCreate, Entries: []tree.Entry{{Path: "a", Type: tree.File}, {Path: "sub/b", Type: tree.File}}}
	_, files := peer.askFiles(t, create)
	assert.Equal(t, len(files), 2)
	_, err := files[0].WriteString("lost")
	assert.NilError(t, err)

	create.Stream = true
	assert.ErrorIs(t, peer.ask(t, create).Errors[0], os.ErrExist, "not unless that is said")
	create.Again = true
	create.Entries = append(create.Entries, tree.Entry{Path: "new", Type: tree.File})
	reply := peer.ask(t, create)
	assert.Equal(t, len(reply.Handles), 3, "%v", reply.Errors)
	peer.write(t, reply.Handles[1], 0, "b")
	peer.do(t, handoff.Request{Op: handoff.OpClose, Handles: reply.Handles})
	peer.do(t, handoff.Request{Op: handoff.OpCommit})
	assert.Equal(t, read(t, dir.Join("a")), "")
	assert.Equal(t, read(t, dir.Join("sub/b")), "b")
}

// read reads a piece of an open file over the socket.
func (p *peer) read(t *testing.T, handle int, offset int64, length int) (string, tree.Entry) {
	t.Helper()
	reply := p.ask(t, handoff.Request{Op: handoff.OpRead, Handle: handle, Offset: offset, Length: length})
	assert.Assert(t, reply.Error == nil, "%v", reply.Error)
	assert.Equal(t, len(reply.States), 1)
	piece := make([]byte, reply.Length)
	if reply.Length > 0 {
		assert.NilError(t, p.conn.ReceiveBytes(piece))
	}
	return string(piece), reply.States[0]
}

// write writes a piece of an open file over the socket.
func (p *peer) write(t *testing.T, handle int, offset int64, piece string) {
	t.Helper()
	assert.NilError(t, p.conn.Send(handoff.Request{Op: handoff.OpWrite, Handle: handle, Offset: offset, Length: len(piece)}))
	assert.NilError(t, p.conn.SendBytes([]byte(piece)))
	reply := p.reply(t)
	assert.Assert(t, reply.Error == nil, "%v", reply.Error)
}

// openFilesIn counts the files in a directory that this process has open.
func openFilesIn(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	assert.NilError(t, err)
	count := 0
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, dir+"/") {
			count++
		}
	}
	return count
}

// The kernel refuses descriptors of a user without privileges who has more of them on their way than may be open.
func TestDescriptorsThatAreRefusedOnTheirWayAreOwnedUpTo(t *testing.T) {
	dir := fs.NewDir(t, "out", fs.WithFile("a", "1"))
	shim, sidecar := connection(t)
	null, err := os.Open(os.DevNull)
	assert.NilError(t, err)
	defer null.Close() //nolint:errcheck // nothing was written
	for range 4 {
		assert.NilError(t, shim.Send(handoff.Reply{}, slices.Repeat([]*os.File{null}, handoff.MaxFiles)...))
	}
	s := &server{conn: shim, log: newLogger(LogOptions{}, io.Discard)}
	answered := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends without its privileges
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		assert.Check(t, unix.Capset(&header, &make([]unix.CapUserData, 2)[0]))
		var before unix.Rlimit
		assert.Check(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
		assert.Check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 4*handoff.MaxFiles - 1, Max: before.Max}))
		err := s.answer(handoff.Request{Op: handoff.OpOpen, Path: dir.Path(), Names: []tree.Path{"a"}})
		assert.Check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
		answered <- err
	}()
	assert.NilError(t, <-answered)
	var reply handoff.Reply
	for reply.Error == nil {
		files, err := sidecar.Receive(&reply)
		assert.NilError(t, err)
		handoff.CloseAll(files)
	}
	assert.ErrorIs(t, reply.Error, handoff.ErrDescriptors)
	assert.Equal(t, openFilesIn(t, dir.Path()), 0)
}
