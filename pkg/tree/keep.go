package tree

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

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

// ErrNotKept is returned by [Writer.Commit] when somebody has changed a file that was to stay.
var ErrNotKept = errors.New("the file was changed after it had been found to be right")

// Keep lets the file e.Path of the target stay as it is, and gives it its metadata at Commit, which sees that it still is in
// the state that Stat of the open file has told.
func (w *Writer) Keep(e, now Entry) error {
	return w.locked("keeping", e.Path, func() error {
		if err := w.parent(e.Path); err != nil {
			return err
		}
		w.kinds[e.Path] = keptFile
		w.kept[e.Path] = now
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
	for p, was := range w.kept {
		f, err := openIn(w.target, p, unix.O_RDONLY)
		if err != nil {
			return fmt.Errorf("%s: %w: %w", p, ErrNotKept, err)
		}
		now, err := Stat(f)
		_ = f.Close() // nothing was written
		if err != nil || !SameFile(was, now) {
			return fmt.Errorf("%s: %w", p, ErrNotKept)
		}
		if err := w.target.Chmod(string(p), w.mode(w.meta[p].mode, false)); err != nil {
			return err
		}
		if err := t.touch(p, w.meta[p].time); err != nil {
			return err
		}
	}
	return nil
}
