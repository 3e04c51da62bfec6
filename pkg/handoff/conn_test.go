package handoff_test

import (
	"io"
	"os"
	"path/filepath"
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
	dir := handoff.Dir(t.TempDir())
	listener, err := handoff.Listen(dir)
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // test
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	assert.NilError(t, err)
	defer unix.Close(fd) //nolint:errcheck // test
	assert.NilError(t, unix.Connect(fd, &unix.SockaddrUnix{Name: dir.Socket()}))
	conn, err := listener.Accept()
	assert.NilError(t, err)
	defer conn.Close() //nolint:errcheck // test

	_, err = unix.Write(fd, []byte(`{"path":"`+strings.Repeat("x", handoff.MaxMessage)+`"}`))
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
