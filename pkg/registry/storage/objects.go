package storage

import (
	"context"
	"errors"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// objects is distribution's driver for S3, where three of its answers are put right:
//
//   - it takes /v1 for a directory that is there if /v10 is, or /v1-a/link;
//   - it removes nothing, and says nothing of that, in the same case;
//   - it does not cancel a writer that is closed, as the library does with an upload whose digest is wrong.
type objects struct {
	storagedriver.StorageDriver
	bucket *bucket
}

// Stat looks a file or a directory up.
func (d objects) Stat(ctx context.Context, path string) (storagedriver.FileInfo, error) {
	info, err := d.StorageDriver.Stat(ctx, path)
	if err != nil || !info.IsDir() || path == "/" {
		return info, err
	}
	there, err := d.bucket.begins(ctx, path+"/")
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, storagedriver.PathNotFoundError{Path: path, DriverName: d.Name()}
	}
	return info, nil
}

// Delete removes a file, or a directory with all that is below it.
func (d objects) Delete(ctx context.Context, path string) error {
	if _, err := d.Stat(ctx, path); err != nil {
		return err
	}
	return d.StorageDriver.Delete(ctx, path)
}

// Writer opens a file to write it from its beginning, or to go on where another writer, of any process, has closed it.
func (d objects) Writer(ctx context.Context, path string, appended bool) (storagedriver.FileWriter, error) {
	inner, err := d.StorageDriver.Writer(ctx, path, appended)
	if err != nil {
		return nil, err
	}
	return &objectWriter{FileWriter: inner, of: d, path: path}, nil
}

// objectWriter can be cancelled when it is closed.
type objectWriter struct {
	storagedriver.FileWriter
	of   objects
	path string
	done bool // it is committed, cancelled or closed
}

func (w *objectWriter) Close() error {
	if w.done {
		return nil
	}
	w.done = true
	return w.FileWriter.Close()
}

func (w *objectWriter) Commit(ctx context.Context) error {
	w.done = true
	return w.FileWriter.Commit(ctx)
}

// Cancel removes what was written, unless it has another name by now.
func (w *objectWriter) Cancel(ctx context.Context) error {
	if !w.done {
		w.done = true
		return w.FileWriter.Cancel(ctx)
	}
	err := w.of.Delete(ctx, w.path)
	if isNotFound(err) {
		err = nil
	}
	return errors.Join(w.of.bucket.abort(ctx, w.path), err)
}
