package tree

import (
	"fmt"
	"os"
)

// Make makes the directory, symlink or hard link e, with its metadata. A directory that this writer has made already is
// no error.
func (w *Writer) Make(e Entry) error {
	var err error
	switch e.Type {
	case Dir:
		err = w.Mkdir(e.Path)
	case Symlink:
		err = w.Symlink(e.Path, e.Link)
	case Hardlink:
		return w.Link(e.Path, e.Link)
	default:
		err = fmt.Errorf("making %s: a %q cannot be made", e.Path, e.Type)
	}
	if err != nil {
		return err
	}
	return w.SetMeta(e)
}

// CreateEntry is Create for e.Path, with its metadata. With [WriterOptions].Resume a file of 1 MiB or more may hold what the
// writer before has put there, of whatever length.
func (w *Writer) CreateEntry(e Entry) (*os.File, error) {
	if err := w.SetMeta(e); err != nil {
		return nil, err
	}
	if w.before == nil || e.Size < resumable {
		return w.Create(e.Path)
	}
	return w.create(e.Path, func(p Path) (*os.File, error) {
		if f, err := w.takeOver(p); f != nil || err != nil {
			return f, err
		}
		return w.createNew(p)
	})
}
