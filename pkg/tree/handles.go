package tree

import (
	"cmp"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// maxHandles is the number of directories that a writer keeps open at most.
const maxHandles = 16

// handles keeps open the directories that were opened last, since files come directory by directory. It is not
// for concurrent use, and what it returns is good until the next call.
type handles struct {
	root  *os.Root
	open  map[Path]*os.File
	order []Path // as they were opened
}

func newHandles(root *os.Root) *handles { return &handles{root: root, open: map[Path]*os.File{}} }

// get returns an open directory below the root.
func (h *handles) get(dir Path) (*os.File, error) {
	if f, ok := h.open[dir]; ok {
		return f, nil
	}
	if len(h.order) == maxHandles {
		_ = h.open[h.order[0]].Close() // nothing was written; who uses it finishes
		delete(h.open, h.order[0])
		h.order = h.order[1:]
	}
	f, err := h.root.OpenFile(string(dir), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	h.open[dir], h.order = f, append(h.order, dir)
	return f, nil
}

func (h *handles) close() {
	for _, f := range h.open {
		_ = f.Close() // nothing was written
	}
	h.open, h.order = map[Path]*os.File{}, nil
}

// createAt creates a file in an open directory, which may be closed meanwhile.
func createAt(dir *os.File, name, label string) (*os.File, error) {
	conn, err := dir.SyscallConn()
	if err != nil {
		return nil, err
	}
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd := -1
	var createErr error
	err = conn.Control(func(at uintptr) {
		createErr = eintr(func() (err error) {
			fd, err = unix.Openat(int(at), name, flags, 0o600)
			return err
		})
	})
	if err = cmp.Or(err, createErr); err != nil {
		return nil, &fs.PathError{Op: "openat", Path: label, Err: err}
	}
	return os.NewFile(uintptr(fd), label), nil
}
