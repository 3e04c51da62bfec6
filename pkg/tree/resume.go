package tree

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// resumable is the size from which a file is gone on with, in bytes: to look at what is left of smaller ones saves little.
const resumable = 1 << 20

// takeOver moves the file p from what a dead writer has left into this writer's staging, and opens it. There is none, nil
// without an error, unless that is a regular file of ours with one name.
func (w *Writer) takeOver(p Path) (*os.File, error) {
	f, err := openIn(w.before.Root, p, unix.O_RDWR)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // nothing to go on with
	}
	if !own(f) {
		return nil, f.Close()
	}
	if err := w.target.Rename(w.before.name+"/"+string(p), w.stage.name+"/"+string(p)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openIn opens a regular file without following a symlink in any component.
func openIn(root *os.Root, p Path, flags int) (*os.File, error) {
	top, err := root.OpenFile(".", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer top.Close() //nolint:errcheck // nothing was written
	dir, err := descend(int(top.Fd()), p.Dir())
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir) //nolint:errcheck // nothing was written
	return openRegular(dir, p.Base(), string(p), flags)
}

// own reports whether a file belongs to this user and has no other name.
func own(f *os.File) bool {
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) == nil && int(st.Uid) == os.Geteuid() && st.Nlink == 1
}
