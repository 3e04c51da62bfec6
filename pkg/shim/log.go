package shim

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/sys/unix"
)

// Formats of the log.
const (
	formatText = "text"
	formatJSON = "json"
)

// LogOptions say how much the shim says and how. Its log goes where the command's own goes, standard error, so the
// default says nothing as long as nothing is wrong.
type LogOptions struct {
	Level  slog.Level
	Format string // formatText or formatJSON
}

func newLogger(opts LogOptions, w io.Writer) *slog.Logger {
	handlerOpts := &slog.HandlerOptions{Level: opts.Level}
	if opts.Format == formatJSON {
		return slog.New(slog.NewJSONHandler(w, handlerOpts)).With("component", "shim")
	}
	return slog.New(slog.NewTextHandler(w, handlerOpts)).With("component", "shim")
}

// carefulFile is a file to log to that may be a pipe nobody reads any more. Writing to one raises SIGPIPE, which the
// shim could not tell from one that it was sent to forward.
type carefulFile struct {
	file *os.File
}

// Write drops p if nobody could read it.
func (c carefulFile) Write(p []byte) (int, error) {
	if c.unread() {
		return len(p), nil
	}
	return c.file.Write(p)
}

// unread tells whether the file is a pipe or the like whose other end is closed.
func (c carefulFile) unread() bool {
	conn, err := c.file.SyscallConn() // Fd would make the file blocking, for the command too
	if err != nil {
		return false
	}
	var gone bool
	err = conn.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		_, err := unix.Poll(fds, 0)
		gone = err == nil && fds[0].Revents&unix.POLLERR != 0
	})
	return err == nil && gone
}
