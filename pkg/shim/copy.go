package shim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

const (
	copyBuffer = 256 << 10 // bytes
	// copyTimeout bounds the wait for the end of the stream once the command and its left-over processes are gone: one
	// that cannot be killed may hold it open.
	copyTimeout = 5 * time.Second
)

// Why a file lacks something that the command has written, or would have.
var (
	errUnread  = errors.New("nobody reads the container's standard output any more")
	errBlocked = errors.New("the container was told to stop while its standard output was not being read")
)

// stdoutCopy writes the command's standard output to a file on its way to the shim's own; nil does nothing.
type stdoutCopy struct {
	read, write *os.File // the command's standard output, a pipe
	file        *os.File
	stdout      carefulFile
	failed      error // the first one of writing to the file
	ended       chan struct{}
	ending      atomic.Bool // the command has ended
	late        atomic.Bool // a read that began before that has been woken
}

// openCopy makes the file, which an earlier attempt may have left, with the directories that lead there. Without a path
// there is no copy.
func openCopy(path string) (*stdoutCopy, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // a nil copy is one that does nothing
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		file.Close() //nolint:errcheck // nothing was written
		return nil, err
	}
	return &stdoutCopy{read: read, write: write, file: file, stdout: carefulFile{os.Stdout}, ended: make(chan struct{})}, nil
}

// commandStdout is the descriptor that is the command's standard output.
func (c *stdoutCopy) commandStdout() uintptr {
	if c == nil {
		return 1
	}
	return c.write.Fd()
}

// start copies from now on. The command has the pipe's other end.
func (c *stdoutCopy) start() {
	if c == nil {
		return
	}
	c.write.Close() //nolint:errcheck // nothing was written here
	go func() {
		defer close(c.ended)
		defer c.read.Close() //nolint:errcheck // only read from: from now on the command cannot write either
		c.copy()
	}()
}

// drop undoes openCopy for a command that could not be started.
func (c *stdoutCopy) drop() {
	if c != nil {
		handoff.CloseAll([]*os.File{c.read, c.write, c.file})
	}
}

// copy ends with the stream, or when nobody reads the shim's standard output any more, as the command itself would then.
// What else goes wrong with the one keeps nothing from the other.
func (c *stdoutCopy) copy() {
	buffer := make([]byte, copyBuffer)
	var unlogged error
	for {
		n, err := c.next(buffer)
		if c.failed == nil {
			_, c.failed = c.file.Write(buffer[:n])
		}
		if c.stdout.unread() {
			c.failed = errors.Join(c.failed, errUnread)
			return
		}
		if unlogged == nil {
			_, unlogged = c.stdout.file.Write(buffer[:n])
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			c.failed = errors.Join(c.failed, err)
			return
		}
	}
}

// next reads what comes next. Once the command has ended that is there already, unless somebody holds the stream open who
// cannot be killed.
func (c *stdoutCopy) next(buffer []byte) (int, error) {
	if c.ending.Load() {
		c.read.SetReadDeadline(time.Now().Add(copyTimeout)) //nolint:errcheck // a pipe has deadlines
	}
	n, err := c.read.Read(buffer)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && !c.late.Swap(true) {
		return 0, nil // the deadline was for a read that began before the command had ended
	}
	return n, err
}

// finishCopy returns once everything that the command wrote is copied, and notes what keeps the file from being whole. Who
// reads the log may be slow about it; the order to stop ends that.
func (l *life) finishCopy(ctx context.Context, c *stdoutCopy, done *handoff.Done) {
	if c == nil {
		return
	}
	c.ending.Store(true)
	c.read.SetReadDeadline(time.Now()) //nolint:errcheck // wakes who waits for more, to wait no longer than it should
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bound := sync.OnceFunc(func() { time.AfterFunc(copyTimeout, func() { cancel(errBlocked) }) })
	if done.Terminating {
		bound()
	}
	err := l.during(ctx, func(ctx context.Context) error {
		select {
		case <-c.ended:
			return errors.Join(c.failed, c.file.Close())
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, func(sig syscall.Signal) error {
		if l.meantForShim(sig) {
			done.Terminating = true
			bound()
		}
		return nil
	})
	if err != nil {
		done.Failure = &handoff.Failure{
			Code:    handoff.ExitRefused,
			Message: fmt.Sprintf("The standard output could not be written to %s: %v.", c.file.Name(), err),
		}
	}
}
