package shim

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

const (
	copyBuffer = 256 << 10 // bytes
	// copyTimeout bounds the wait for the end of the stream once the command and its left-over processes are gone: one
	// that cannot be killed may hold it open.
	copyTimeout = 5 * time.Second
)

// errUnread means that the file lacks what the command could not write any more.
var errUnread = errors.New("nobody reads the container's standard output any more")

// stdoutCopy writes the command's standard output to a file on its way to the shim's own; nil does nothing.
type stdoutCopy struct {
	read, write *os.File // the command's standard output, a pipe
	file        *os.File
	stdout      carefulFile
	failed      error // the first one of writing to the file
	ended       chan struct{}
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
// A file that cannot be written to keeps nothing from the log.
func (c *stdoutCopy) copy() {
	buffer := make([]byte, copyBuffer)
	for {
		n, err := c.read.Read(buffer)
		if c.stdout.unread() {
			c.failed = errors.Join(c.failed, errUnread)
			return
		}
		if _, err := c.stdout.file.Write(buffer[:n]); err != nil {
			c.failed = errors.Join(c.failed, err)
			return
		}
		if c.failed == nil {
			_, c.failed = c.file.Write(buffer[:n])
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && c.failed == nil {
				c.failed = err
			}
			return
		}
	}
}

// finish returns once everything is copied. A failure says that the file is not whole.
func (c *stdoutCopy) finish() *handoff.Failure {
	if c == nil {
		return nil
	}
	c.read.SetReadDeadline(time.Now().Add(copyTimeout)) //nolint:errcheck // a pipe has deadlines, unless it was closed
	<-c.ended
	if err := errors.Join(c.failed, c.file.Close()); err != nil {
		return &handoff.Failure{
			Code:    handoff.ExitRefused,
			Message: fmt.Sprintf("The standard output could not be written to %s: %v.", c.file.Name(), err),
		}
	}
	return nil
}
