package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// errDone is what a writer says that cannot be written to any more.
var errDone = errors.New("the writer is closed")

// Writer opens a file to write it from its beginning, or at its end. What is written is seen at once, and is there for good
// once it is committed. Of an unfinished upload's file it is the only writer from then on.
func (d *directory) Writer(_ context.Context, path string, appended bool) (storagedriver.FileWriter, error) {
	if err := d.check(path); err != nil {
		return nil, err
	}
	_, inUpload := layout.InUpload(path)
	file, err := d.open(d.file(path), appended, !inUpload)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	w := &writer{file: file, sync: d.changes.sync}
	if inUpload {
		w.turns = d.turns
		w.noMore = d.turns.take(w)
		if !isAt(file) { // its upload has ended meanwhile
			return nil, errors.Join(d.notFound(path), w.Close())
		}
	}
	if w.start, err = file.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), w.Close())
	}
	w.size = w.start
	return w, nil
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
	sync   func(*os.File) error
	turns  *turns // nil: there may be other writers
	noMore bool   // may be added: the file was whole when it was opened
	start  int64  // in bytes, what was there before
	size   int64  // in bytes, what is there now

	mu     sync.Mutex
	failed error // why nothing can be written any more, or nil
}

// Write appends p. If it cannot, all that this writer has written is taken back: a disk that is full gets its room again, and who
// goes on with the file later finds it as it was.
func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return 0, w.failed
	}
	if w.noMore && len(p) > 0 {
		return 0, errWhole
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
	err := w.end(errDone)
	if w.turns != nil {
		w.turns.leave(w)
	}
	return err
}

// end closes the file, unless it is closed. Who writes afterwards gets why.
func (w *writer) end(why error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return nil
	}
	w.failed = why
	return w.file.Close()
}

// Cancel removes the file, unless it has another name by now, or is another's.
func (w *writer) Cancel(context.Context) error {
	err := w.Close()
	if w.turns == nil {
		return errors.Join(err, remove(w.file.Name()))
	}
	if w.isTaken() {
		return errTaken
	}
	err = errors.Join(err, remove(w.file.Name()))
	w.turns.drop(w.file.Name())
	return err
}

func (w *writer) isTaken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Is(w.failed, errTaken)
}

// Commit puts all data of the file on the disk, whoever wrote it. Of an unfinished upload, that was all: who goes on with it meanwhile
// adds nothing.
func (w *writer) Commit(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return w.failed
	}
	if w.turns != nil {
		if err := w.turns.finish(w); err != nil {
			w.failed = errors.Join(err, w.file.Close())
			return w.failed
		}
	}
	err := w.sync(w.file)
	if err == nil {
		return nil
	}
	if w.turns != nil {
		w.turns.resume(w)
	}
	return w.fail(err)
}
