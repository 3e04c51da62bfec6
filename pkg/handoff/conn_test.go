package handoff_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestOpenFilesCrossTheSocketInOrder(t *testing.T) {
	shim, sidecar := connect(t)
	var files []*os.File
	for _, content := range []string{"one", "two"} {
		f, err := os.Create(filepath.Join(t.TempDir(), content))
		assert.NilError(t, err)
		_, err = f.WriteString(content)
		assert.NilError(t, err)
		files = append(files, f)
	}

	assert.NilError(t, shim.Send(handoff.Reply{More: true}, files...))
	handoff.CloseAll(files)

	var reply handoff.Reply
	lent, err := sidecar.Receive(&reply)
	assert.NilError(t, err)
	assert.Assert(t, reply.More)
	assert.Equal(t, len(lent), 2)
	for i, want := range []string{"one", "two"} {
		content, err := io.ReadAll(io.NewSectionReader(lent[i], 0, 10))
		assert.NilError(t, err)
		assert.Equal(t, string(content), want)
		flags, err := unix.FcntlInt(lent[i].Fd(), unix.F_GETFD, 0)
		assert.NilError(t, err)
		assert.Equal(t, flags&unix.FD_CLOEXEC, unix.FD_CLOEXEC)
	}
	handoff.CloseAll(lent)
}

func TestTheEndOfTheOtherSideIsEOF(t *testing.T) {
	shim, sidecar := connect(t)
	assert.NilError(t, shim.Close())
	var hello handoff.Hello
	_, err := sidecar.Receive(&hello)
	assert.ErrorIs(t, err, io.EOF)
}

func TestCloseWakesWhoReceives(t *testing.T) {
	shim, _ := connect(t)
	ended := make(chan error, 1)
	go func() {
		var req handoff.Request
		_, err := shim.Receive(&req)
		ended <- err
	}()
	assert.NilError(t, shim.Close())
	assert.ErrorIs(t, <-ended, os.ErrClosed)
}

func TestAMessageBeyondTheBoundIsNotSent(t *testing.T) {
	shim, _ := connect(t)
	big := handoff.Request{Path: strings.Repeat("x", handoff.MaxMessage)}
	assert.ErrorContains(t, shim.Send(big), "the bounds are 65536 and 16")
}

func TestAMessageBeyondTheBoundIsRefusedWhenAHostileShimSendsIt(t *testing.T) {
	fd, conn := strangers(t)
	_, err := unix.Write(fd, []byte(`{"path":"`+strings.Repeat("x", handoff.MaxMessage)+`"}`))
	assert.NilError(t, err)
	var req handoff.Request
	_, err = conn.Receive(&req)
	assert.ErrorContains(t, err, "larger than 65536 bytes")
}

func TestAMessageOfExactlyTheBoundPasses(t *testing.T) {
	shim, sidecar := connect(t)
	empty := len(`{"op":"","path":""}`)
	req := handoff.Request{Path: strings.Repeat("x", handoff.MaxMessage-empty)}
	assert.NilError(t, shim.Send(req))
	var got handoff.Request
	_, err := sidecar.Receive(&got)
	assert.NilError(t, err)
	assert.Equal(t, got.Path, req.Path)
}

// A sandbox that drops descriptors does it as the kernel does when they do not fit.
func TestAMessageWhoseDescriptorsAreDroppedIsThereWithoutThem(t *testing.T) {
	fd, conn := strangers(t)
	before := openFiles(t)
	rights := unix.UnixRights(slices.Repeat([]int{fd}, handoff.MaxFiles+1)...)
	assert.NilError(t, unix.Sendmsg(fd, []byte(`{"handles":[7]}`), rights, nil, 0))
	var reply handoff.Reply
	files, err := conn.Receive(&reply)
	assert.ErrorIs(t, err, handoff.ErrDescriptors)
	assert.Equal(t, len(files), 0)
	assert.DeepEqual(t, reply.Handles, []int{7})
	assert.Equal(t, openFiles(t), before, "descriptors are left open")

	assert.NilError(t, unix.Sendmsg(fd, []byte(`{"handles":[8]}`), nil, nil, 0))
	_, err = conn.Receive(&reply)
	assert.NilError(t, err, "what follows is received as ever")
	assert.DeepEqual(t, reply.Handles, []int{8})
}

// The kernel refuses descriptors of a user without privileges who has more of them on their way than may be open.
func TestDescriptorsThatTheKernelRefusesAreToldApart(t *testing.T) {
	shim, sidecar := connect(t)
	file, err := os.Open("/dev/null")
	assert.NilError(t, err)
	defer file.Close() //nolint:errcheck // nothing was written
	for range 4 {
		assert.NilError(t, shim.Send(handoff.Reply{}, slices.Repeat([]*os.File{file}, handoff.MaxFiles)...))
	}
	refused := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends without its privileges
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		assert.Check(t, unix.Capset(&header, &make([]unix.CapUserData, 2)[0]))
		refused <- withOpenFiles(t, 4*handoff.MaxFiles-1, func() error { return shim.Send(handoff.Reply{Length: 1}, file) })
	}()
	assert.ErrorIs(t, <-refused, handoff.ErrDescriptors)

	assert.NilError(t, shim.Send(handoff.Reply{Length: 2}), "messages without descriptors still pass")
	var reply handoff.Reply
	for reply.Length == 0 {
		files, err := sidecar.Receive(&reply)
		assert.NilError(t, err)
		handoff.CloseAll(files)
	}
	assert.Equal(t, reply.Length, 2, "nothing was sent of what was refused")
}

// withOpenFiles calls do while the process may have no more than so many files open.
func withOpenFiles(t *testing.T, most uint64, do func() error) error {
	var before unix.Rlimit
	assert.Check(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	assert.Check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: most, Max: before.Max}))
	defer func() { assert.Check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }()
	return do()
}

func TestBytesCrossTheSocketAsTheyAre(t *testing.T) {
	shim, sidecar := connect(t)
	sent := bytes.Repeat([]byte{0, '{', 0xff}, handoff.MaxMessage/3)
	assert.NilError(t, shim.Send(handoff.Reply{Length: len(sent)}))
	assert.NilError(t, shim.SendBytes(sent))
	assert.NilError(t, shim.Send(handoff.Reply{More: true}))

	var reply handoff.Reply
	_, err := sidecar.Receive(&reply)
	assert.NilError(t, err)
	got := make([]byte, reply.Length)
	assert.NilError(t, sidecar.ReceiveBytes(got))
	assert.Assert(t, bytes.Equal(got, sent))
	_, err = sidecar.Receive(&reply)
	assert.NilError(t, err)
	assert.Assert(t, reply.More)
}

func TestBytesOfAnotherNumberThanAnnouncedAreRefused(t *testing.T) {
	for name, sent := range map[string]int{"fewer": 2, "more": 4, "many more": handoff.MaxMessage} {
		t.Run(name, func(t *testing.T) {
			shim, sidecar := connect(t)
			assert.NilError(t, shim.SendBytes(make([]byte, sent)))
			assert.ErrorContains(t, sidecar.ReceiveBytes(make([]byte, 3)), "not the 3 that were announced")
		})
	}
	shim, sidecar := connect(t)
	assert.ErrorContains(t, shim.SendBytes(make([]byte, handoff.MaxMessage+1)), "the bound is 65536")
	assert.NilError(t, shim.Close())
	assert.ErrorIs(t, sidecar.ReceiveBytes(make([]byte, 3)), io.EOF)
}

func TestDescriptorsThatComeWithBytesAreLetGo(t *testing.T) {
	fd, conn := strangers(t)
	before := openFiles(t)
	assert.NilError(t, unix.Sendmsg(fd, []byte("abc"), unix.UnixRights(fd), nil, 0))
	got := make([]byte, 3)
	assert.NilError(t, conn.ReceiveBytes(got))
	assert.Equal(t, string(got), "abc")
	assert.Equal(t, openFiles(t), before)
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	assert.NilError(t, err)
	return len(entries)
}

func TestASocketPathMayBeLongerThanAnAddress(t *testing.T) {
	dir := handoff.Dir(filepath.Join(t.TempDir(), strings.Repeat("long", 50)))
	listener, err := handoff.Listen(dir)
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // test
	conn, err := handoff.Dial(dir)
	assert.NilError(t, err)
	assert.NilError(t, conn.Close())
}

func TestASecondSidecarTakesOverTheSocket(t *testing.T) {
	dir := handoff.Dir(t.TempDir())
	first, err := handoff.Listen(dir)
	assert.NilError(t, err)
	assert.NilError(t, first.Close())
	second, err := handoff.Listen(dir)
	assert.NilError(t, err)
	defer second.Close() //nolint:errcheck // test
	shim, err := handoff.Dial(dir)
	assert.NilError(t, err)
	defer shim.Close() //nolint:errcheck // test
	info, err := os.Stat(dir.Socket())
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o666))
}

func TestErrorsOfTheOtherSideKeepTheirKind(t *testing.T) {
	_, err := os.Open(filepath.Join(t.TempDir(), "nothing"))
	remote := handoff.NewRemoteError(err)
	assert.ErrorIs(t, remote, os.ErrNotExist)
	assert.Error(t, remote, err.Error())
	assert.Assert(t, handoff.NewRemoteError(nil) == nil)

	shim, sidecar := connect(t)
	assert.NilError(t, shim.Send(handoff.Reply{Errors: map[int]*handoff.RemoteError{1: remote}}))
	var reply handoff.Reply
	_, err = sidecar.Receive(&reply)
	assert.NilError(t, err)
	assert.ErrorIs(t, reply.Errors[1], os.ErrNotExist)
}

func TestNamesOfAnyBytesCrossTheSocket(t *testing.T) {
	shim, sidecar := connect(t)
	names := []tree.Path{"plain", "new\nline", "\xff\xfe", "ünïcode", `{"base64":"eA=="}`}
	assert.NilError(t, sidecar.Send(handoff.Request{Op: handoff.OpOpen, Names: names}))
	var req handoff.Request
	_, err := shim.Receive(&req)
	assert.NilError(t, err)
	assert.DeepEqual(t, req.Names, names)
}

// strangers returns both ends of a new connection, that of a hostile shim as the kernel's.
func strangers(t *testing.T) (shim int, sidecar *handoff.Conn) {
	t.Helper()
	dir := handoff.Dir(t.TempDir())
	listener, err := handoff.Listen(dir)
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // test
	shim, err = unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	assert.NilError(t, err)
	t.Cleanup(func() { unix.Close(shim) }) //nolint:errcheck // test
	assert.NilError(t, unix.Connect(shim, &unix.SockaddrUnix{Name: dir.Socket()}))
	sidecar, err = listener.Accept()
	assert.NilError(t, err)
	t.Cleanup(func() { sidecar.Close() }) //nolint:errcheck // test
	return shim, sidecar
}

// connect returns both ends of a new connection.
func connect(t *testing.T) (shim, sidecar *handoff.Conn) {
	t.Helper()
	dir := handoff.Dir(t.TempDir())
	listener, err := handoff.Listen(dir)
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // test
	shim, err = handoff.Dial(dir)
	assert.NilError(t, err)
	sidecar, err = listener.Accept()
	assert.NilError(t, err)
	t.Cleanup(func() {
		shim.Close()    //nolint:errcheck // may be closed already
		sidecar.Close() //nolint:errcheck // may be closed already
	})
	return shim, sidecar
}
