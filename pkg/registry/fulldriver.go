package registry

import (
	"context"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// notingDriver is a driver that takes notes of a full disk for the request that meets it: see [answerFull].
type notingDriver struct {
	storagedriver.StorageDriver
}

// PutContent writes a whole file.
func (d notingDriver) PutContent(ctx context.Context, path string, content []byte) error {
	notes := notesOf(ctx)
	notes.touched(path, nil)
	return notes.seen(d.StorageDriver.PutContent(ctx, path, content))
}

// Writer opens a file that is written piece by piece.
func (d notingDriver) Writer(ctx context.Context, path string, appending bool) (storagedriver.FileWriter, error) {
	notes := notesOf(ctx)
	writer, err := d.StorageDriver.Writer(ctx, path, appending)
	if err != nil {
		notes.touched(path, nil)
		return nil, notes.seen(err)
	}
	noting := notingWriter{writer, notes}
	notes.touched(path, noting)
	return noting, nil
}

// Move renames a file, for which directories may have to be made.
func (d notingDriver) Move(ctx context.Context, from, to string) error {
	return notesOf(ctx).seen(d.StorageDriver.Move(ctx, from, to))
}

// Delete removes what is at path.
func (d notingDriver) Delete(ctx context.Context, path string) error {
	return notesOf(ctx).seen(d.StorageDriver.Delete(ctx, path))
}

// notingWriter takes notes as [notingDriver] does. Files may be buffered, so each step may be the one that fails.
type notingWriter struct {
	storagedriver.FileWriter
	notes *diskNotes
}

func (w notingWriter) Write(p []byte) (int, error) {
	n, err := w.FileWriter.Write(p)
	return n, w.notes.seen(err)
}

func (w notingWriter) Close() error { return w.notes.seen(w.FileWriter.Close()) }

func (w notingWriter) Commit(ctx context.Context) error {
	return w.notes.seen(w.FileWriter.Commit(ctx))
}
