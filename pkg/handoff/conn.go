package handoff

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// MaxMessage bounds a message on the socket, in bytes of JSON. It is well below the default send buffer of
	// Linux (net.core.wmem_default, 212,992 bytes), so that a message is never refused for its size.
	MaxMessage = 64 << 10
	// MaxFiles bounds the descriptors in one message; Linux takes 253 (SCM_MAX_FD).
	MaxFiles = 16
)

// ErrDescriptors means that descriptors were refused or dropped on their way: some sandboxes and security modules do.
var ErrDescriptors = errors.New("file descriptors do not pass between shim and sidecar")

// Conn is one connection between a shim and its sidecar: messages in order, each with up to MaxFiles open files. One
// goroutine may send while another receives.
type Conn struct {
	socket
	packet []byte // to receive a message into
}

// Listener is the sidecar's end before a shim connects.
type Listener struct {
	socket
}

// Listen makes the socket of dir, open to any user of the pod, in the place of one that an earlier sidecar left. Who
// connects never sees it before it listens.
func Listen(dir Dir) (*Listener, error) {
	if err := makeDir(dir.Sidecar()); err != nil {
		return nil, fmt.Errorf("listening for shims: %w", err)
	}
	tmp := dir.Socket() + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listening for shims: %w", err)
	}
	s, err := newSocket(tmp, unix.Bind)
	if err != nil {
		return nil, fmt.Errorf("listening for shims: %w", err)
	}
	for _, step := range []func() error{
		func() error { return s.control(func(fd int) error { return unix.Listen(fd, unix.SOMAXCONN) }) },
		func() error { return os.Chmod(tmp, 0o666) },
		func() error { return os.Rename(tmp, dir.Socket()) },
	} {
		if err := step(); err != nil {
			s.Close() //nolint:errcheck // the step's error says more
			return nil, fmt.Errorf("listening for shims: %w", err)
		}
	}
	return &Listener{s}, nil
}

// Accept waits for a shim; after Close it returns os.ErrClosed.
func (l *Listener) Accept() (*Conn, error) {
	var fd int
	err := l.read(func(listening int) (err error) {
		fd, _, err = unix.Accept4(listening, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("accepting a shim: %w", err)
	}
	s, err := wrapSocket(fd)
	return &Conn{socket: s}, err
}

// Dial connects to the sidecar of dir.
func Dial(dir Dir) (*Conn, error) {
	s, err := newSocket(dir.Socket(), unix.Connect)
	if err != nil {
		return nil, fmt.Errorf("connecting to the sidecar: %w", err)
	}
	return &Conn{socket: s}, nil
}

// Send sends one message with open files, which stay the caller's to close. With [ErrDescriptors] nothing was sent, for
// the files that were to go with it.
func (c *Conn) Send(message any, files ...*os.File) error {
	data, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encoding a message: %w", err)
	}
	if len(data) > MaxMessage || len(files) > MaxFiles {
		return fmt.Errorf("message of %d bytes with %d files: the bounds are %d and %d", len(data), len(files), MaxMessage, MaxFiles)
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	err = c.send(data, rights)
	if len(files) > 0 && refused(err) {
		return fmt.Errorf("%w: %w", ErrDescriptors, err)
	}
	return err
}

func (c *Conn) send(data, rights []byte) error {
	return c.write(func(fd int) error { return unix.Sendmsg(fd, data, rights, nil, unix.MSG_NOSIGNAL) })
}

// refused tells whether the kernel, a security module or a sandbox took a message badly for the descriptors in it.
// ETOOMANYREFS is how many of one user may be on their way at once.
func refused(err error) bool {
	for _, number := range []error{
		unix.EACCES, unix.EPERM, unix.ENOSYS, unix.EINVAL, unix.EOPNOTSUPP, unix.ETOOMANYREFS,
	} {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}

// HungUp tells whether the other side has closed the connection, as the kernel does for a process that has ended.
func (c *Conn) HungUp() bool {
	var events int16
	err := c.control(func(fd int) error {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		_, err := unix.Poll(fds, 0)
		events = fds[0].Revents
		return err
	})
	return err != nil || events&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}

// Receive waits for the next message. The files that came with it are the caller's to close. When the other side is
// gone it returns io.EOF. With [ErrDescriptors] the message is there, and none of its files.
func (c *Conn) Receive(message any) ([]*os.File, error) {
	if c.packet == nil {
		c.packet = make([]byte, MaxMessage+1)
	}
	data := c.packet
	rights := make([]byte, unix.CmsgSpace(4*MaxFiles))
	var n, oobn, flags int
	err := c.read(func(fd int) (err error) {
		n, oobn, flags, _, err = unix.Recvmsg(fd, data, rights, unix.MSG_CMSG_CLOEXEC)
		return err
	})
	switch {
	case errors.Is(err, unix.ECONNRESET):
		return nil, io.EOF
	case err != nil:
		return nil, fmt.Errorf("receiving a message: %w", err)
	}
	files, err := receivedFiles(rights[:oobn])
	switch {
	case err != nil:
	case n == 0:
		err = io.EOF
	case flags&unix.MSG_TRUNC != 0 || n > MaxMessage:
		err = fmt.Errorf("receiving a message: larger than %d bytes", MaxMessage)
	default:
		err = json.Unmarshal(data[:n], message)
	}
	if err == nil && flags&unix.MSG_CTRUNC != 0 {
		err = ErrDescriptors
	}
	if err != nil {
		CloseAll(files)
		return nil, err
	}
	return files, nil
}

// CloseAll closes files that were only read from, or whose content no longer matters.
func CloseAll(files []*os.File) {
	for _, f := range files {
		f.Close() //nolint:errcheck // see above
	}
}

func receivedFiles(rights []byte) ([]*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, fmt.Errorf("receiving descriptors: %w", err)
	}
	var files []*os.File
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue // credentials and the like
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "lent"))
		}
	}
	return files, nil
}

// socket is a Unix SOCK_SEQPACKET socket on Go's poller, without the weight of package net.
type socket struct {
	file   *os.File
	raw    syscall.RawConn
	closed *atomic.Bool
}

func newSocket(path string, attach func(fd int, addr unix.Sockaddr) error) (socket, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return socket{}, err
	}
	if err := attachShort(fd, path, attach); err != nil {
		unix.Close(fd) //nolint:errcheck // the attach's error says more
		return socket{}, fmt.Errorf("%s: %w", path, err)
	}
	return wrapSocket(fd)
}

// attachShort names the path by way of its directory's descriptor, since a socket's address holds 108 bytes at most.
func attachShort(fd int, path string, attach func(fd int, addr unix.Sockaddr) error) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // only named
	short := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
	return attach(fd, &unix.SockaddrUnix{Name: short})
}

func wrapSocket(fd int) (socket, error) {
	file := os.NewFile(uintptr(fd), "handoff")
	raw, err := file.SyscallConn()
	return socket{file, raw, new(atomic.Bool)}, err
}

// Close ends the connection; what waits on it returns os.ErrClosed.
func (s socket) Close() error {
	s.closed.Store(true)
	return s.file.Close()
}

func (s socket) control(call func(fd int) error) error {
	var err error
	refused := s.raw.Control(func(fd uintptr) { err = call(int(fd)) })
	return s.outcome(refused, err)
}

func (s socket) read(call func(fd int) error) error {
	var err error
	refused := s.raw.Read(func(fd uintptr) bool { return ready(call, fd, &err) })
	return s.outcome(refused, err)
}

func (s socket) write(call func(fd int) error) error {
	var err error
	refused := s.raw.Write(func(fd uintptr) bool { return ready(call, fd, &err) })
	return s.outcome(refused, err)
}

// outcome prefers why the poller refused a call to what the call returned, and says that of a closed socket plainly.
func (s socket) outcome(refused, err error) error {
	switch {
	case refused != nil && s.closed.Load():
		return os.ErrClosed
	case refused != nil:
		return refused
	default:
		return err
	}
}

// ready makes the call, again when a signal interrupted it, and tells whether it need not wait for the poller.
func ready(call func(fd int) error, fd uintptr, err *error) bool {
	for {
		*err = call(int(fd))
		if !errors.Is(*err, unix.EINTR) {
			return !errors.Is(*err, unix.EAGAIN)
		}
	}
}
