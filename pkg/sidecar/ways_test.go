package sidecar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/shim"
)

// way is how files get from a shim to its sidecar, and what is between them.
type way struct {
	lending shim.Lending
	fate    fate // nil: nothing is between them
	bytes   bool // whether they end up as bytes
}

// fate is what a sandbox makes of descriptors on their way, for a file that it may use instead.
type fate func(lent int, other int) []int

// ways are all of them. Whatever the lender does for its callers it does each way.
func ways() map[string]way {
	return map[string]way{
		"descriptors":                 {lending: shim.LendDescriptors},
		"bytes":                       {lending: shim.LendBytes, bytes: true},
		"descriptors that vanish":     {shim.LendDescriptors, func(int, int) []int { return nil }, true},
		"some descriptors that do":    {shim.LendDescriptors, func(lent, other int) []int { return slices.Repeat([]int{other}, lent/2) }, true},
		"descriptors that do not fit": {shim.LendDescriptors, func(_, other int) []int { return slices.Repeat([]int{other}, 17) }, true},
	}
}

// eachWay runs a test with a lender for a real shim, each way.
func eachWay(t *testing.T, test func(t *testing.T, l *lender)) {
	for name, w := range ways() {
		t.Run(name, func(t *testing.T) {
			var log logged
			l := w.lender(t, slog.New(slog.NewTextHandler(&log, nil)))
			test(t, l)
			if l.stream.Load() {
				assert.Assert(t, w.bytes, "bytes were asked for")
				assert.Equal(t, bytes.Count(log.Bytes(), []byte("\n")), 1, log.String())
			}
		})
	}
}

// logged is a log that several write to.
type logged struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// lender connects a new one with a new shim.
func (w way) lender(t *testing.T, log *slog.Logger) *lender {
	t.Helper()
	served, sidecar := connection(t)
	if w.fate != nil {
		shimSide := sidecar
		var sandbox *os.File
		sandbox, sidecar = strangers(t)
		ended := make(chan error, 1)
		go func() { ended <- w.relay(sandbox, shimSide) }()
		t.Cleanup(func() {
			_ = sidecar.Close() // may be closed already
			assert.NilError(t, <-ended)
		})
	}
	go func() { _ = shim.Serve(served, w.lending, quiet()) }() // it ends with the connection
	return newLender(t.Context(), sidecar, log, func(error) {})
}

// relay passes on whatever shim and sidecar say to each other, but for descriptors, until the sidecar is gone.
func (w way) relay(sidecar *os.File, shim *handoff.Conn) error {
	defer shim.Close() //nolint:errcheck // test
	buf := make([]byte, handoff.MaxMessage)
	for {
		n, err := sidecar.Read(buf)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var req handoff.Request
		if err := json.Unmarshal(buf[:n], &req); err != nil {
			return err
		}
		if err := shim.Send(req); err != nil {
			return err
		}
		if req.Op == handoff.OpWrite {
			if n, err = sidecar.Read(buf); err != nil {
				return err
			}
			if err := shim.SendBytes(buf[:n]); err != nil {
				return err
			}
		}
		if err := w.relayReplies(sidecar, shim); err != nil {
			return err
		}
	}
}

func (w way) relayReplies(sidecar *os.File, shim *handoff.Conn) error {
	for {
		var reply handoff.Reply
		files, err := shim.Receive(&reply)
		if err != nil {
			return err
		}
		var rights []byte
		if len(files) > 0 {
			rights = unix.UnixRights(w.fate(len(files), int(files[0].Fd()))...)
		}
		data, err := json.Marshal(reply)
		if err == nil {
			err = unix.Sendmsg(int(sidecar.Fd()), data, rights, nil, unix.MSG_NOSIGNAL)
		}
		handoff.CloseAll(files)
		if err == nil && reply.Length > 0 {
			piece := make([]byte, reply.Length)
			if err = shim.ReceiveBytes(piece); err == nil {
				_, err = sidecar.Write(piece)
			}
		}
		if err != nil || !reply.More {
			return err
		}
	}
}

// strangers returns both ends of a new connection, that of the shim as a file.
func strangers(t *testing.T) (shim *os.File, sidecar *handoff.Conn) {
	t.Helper()
	dir := handoff.Dir(t.TempDir())
	listener, err := handoff.Listen(dir)
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // nothing was written
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	assert.NilError(t, err)
	shim = os.NewFile(uintptr(fd), "shim")
	t.Cleanup(func() { _ = shim.Close() }) // nothing is lost
	parent, err := os.Open(string(dir))
	assert.NilError(t, err)
	defer parent.Close() //nolint:errcheck // nothing was written
	// The address of a socket holds 108 bytes, the name of a test may be longer.
	short := fmt.Sprintf("/proc/self/fd/%d/sidecar/sock", parent.Fd())
	assert.NilError(t, unix.Connect(fd, &unix.SockaddrUnix{Name: short}))
	sidecar, err = listener.Accept()
	assert.NilError(t, err)
	return shim, sidecar
}
