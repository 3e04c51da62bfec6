package tree

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// takeOver moves the file p from what a dead writer has left into this writer's staging, and opens it. There is none, nil
// without an error, unless that is a regular file of ours with one name.
func (w *Writer) takeOver(p Path) (*os.File, error) {
	if w.before == nil {
		return nil, nil //nolint:nilnil // documented
	}
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

// Existing opens for reading the regular file that is at p in the target already, for a check whether it can stay: see
// [Writer.Keep]. It is fs.ErrNotExist unless it is ours, has one name, and no symlink leads to it.
func (w *Writer) Existing(p Path) (*os.File, error) {
	var f *os.File
	err := w.locked("opening", p, func() (err error) {
		if f, err = openIn(w.target, p, unix.O_RDONLY); err == nil && !own(f) {
			err = errors.Join(os.ErrNotExist, f.Close())
		}
		return err
	})
	return f, err
}

// Keep lets the file e.Path of the target stay as it is, and gives it its metadata at Commit.
func (w *Writer) Keep(e Entry) error {
	return w.locked("keeping", e.Path, func() error {
		if err := w.parent(e.Path); err != nil {
			return err
		}
		w.kinds[e.Path] = keptFile
		w.kept = append(w.kept, e.Path)
		w.meta[e.Path] = meta{e.Mode, e.ModTime}
		return nil
	})
}

// keptFile is the type of a file that is not staged. Nothing can be linked to it.
const keptFile Type = "kept"

// finishKept gives the files that stayed their modes and times.
func (w *Writer) finishKept() error {
	t := toucher{root: w.target}
	defer t.close()
	for _, p := range w.kept {
		if err := w.target.Chmod(string(p), w.mode(w.meta[p].mode, false)); err != nil {
			return err
		}
		if err := t.touch(p, w.meta[p].time); err != nil {
			return err
		}
	}
	return nil
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
