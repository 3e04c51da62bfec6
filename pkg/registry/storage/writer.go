package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// errDone is what a writer says that cannot be written to any more.
var errDone = errors.New("the writer is closed")

// Writer opens a file to write it from its beginning, or at its end. What is written is seen at once, and is there for good
// once it is committed.
func (d *directory) Writer(_ context.Context, path string, appended bool) (storagedriver.FileWriter, error) {
	if err := d.check(path); err != nil {
		return nil, err
	}
	_, inUpload := layout.InUpload(path)
	file, err := d.open(d.file(path), appended, !inUpload)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), file.Close())
	}
	return &writer{file: file, start: size, size: size, sync: d.changes.sync}, nil
}

// open makes a file unless it is there, and the directories above it.
func (d *directory) open(name string, appended, durably bool) (file *os.File, err error) {
	flags := os.O_WRONLY | os.O_CREATE
	if !appended {
		flags |= os.O_TRUNC
	}
	create := func(c *change) error {
		for {
			if err := c.mkdirAll(filepath.Dir(name)); err != nil {
				return err
			}
			if file, err = os.OpenFile(name, flags, fileMode); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	if !durably {
		err = d.changes.later(create)
		return file, err
	}
	err = d.changes.do(func(c *change) error {
		c.in(filepath.Dir(name))
		return create(c)
	})
	return file, err
}

// writer writes one file.
type writer struct {
	file   *os.File
	start  int64 // in bytes, what was there before
	size   int64 // in bytes, what is there now
	sync   func(*os.File) error
	failed error // why nothing can be written any more, or nil
}

// Write appends p. If it cannot, all that this writer has written is taken back: a disk that is full gets its room again, and who
// goes on with the file later finds it as it was.
func (w *writer) Write(p []byte) (int, error) {
	if w.failed != nil {
		return 0, w.failed
	}
	n, err := w.file.Write(p)
	w.size += int64(n)
	if err != nil {
		return n, w.fail(err)
	}
	return n, nil
}

// fail takes back what was written.
func (w *writer) fail(err error) error {
	w.size = w.start
	// Who has failed may be left unclosed.
	w.failed = errors.Join(fmt.Errorf("writing %s: %w", filepath.Base(w.file.Name()), err), w.file.Truncate(w.start), w.file.Close())
	return w.failed
}

// Size is that of the file, in bytes.
func (w *writer) Size() int64 { return w.size }

// Close ends the writing. What was written stays, for another writer to go on with.
func (w *writer) Close() error {
	if w.failed != nil {
		return nil
	}
	w.failed = errDone
	return w.file.Close()
}

// Cancel removes the file, unless it has another name by now.
func (w *writer) Cancel(context.Context) error {
	return errors.Join(w.Close(), remove(w.file.Name()))
}

// Commit puts all data of the file on the disk, whoever wrote it.
func (w *writer) Commit(context.Context) error {
	if w.failed != nil {
		return w.failed
	}
	if err := w.sync(w.file); err != nil {
		return w.fail(err)
	}
	return nil
}
