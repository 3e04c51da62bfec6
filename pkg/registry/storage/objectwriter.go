package storage

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go/service/s3"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// objectWriter wraps a writer of distribution's driver for S3, and makes up for what that one does wrong:
//
//   - S3 takes no part after one that is too small. The driver then makes all that is there an object, and begins anew with that. It
//     cannot go on where a process was killed between, and where the first fails it gives up all there is. From smallestPart on, this is
//     done here; what is smaller it has to read, and may lose.
//   - It copies that object by one request, which may be too much for S3, and writes more parts than S3 takes.
//   - Where a part cannot be sent, it sends what follows in its place when it is closed.
//   - It does not cancel a writer that is already closed, as the library does with an upload whose digest is wrong.
type objectWriter struct {
	ctx     context.Context
	of      objects
	path    string
	inner   storagedriver.FileWriter // nil where all that is there is an object, until something is to follow it
	had     int64                    // what was there before inner wrote, in bytes
	parts   int                      // that were there then; 0 where all is below smallestPart
	uneven  bool                     // the last of those is too small for another after it
	written int64                    // by inner, in bytes
	done    bool                     // it is committed, cancelled or closed, or has failed
}

var errClosed = errors.New("the writer is closed")

// goOn opens what is there.
func (w *objectWriter) goOn() error {
	inner, err := w.of.StorageDriver.Writer(w.ctx, w.path, true)
	switch {
	case isNotFound(err):
		return err
	case err != nil: // maybe because all is an object
		if upload, _, failed := w.of.bucket.writing(w.ctx, w.path); failed != nil || upload != nil {
			return err
		}
		return w.takeObject()
	case inner.Size() == 0: // it is new, or was begun anew without what is there
		err := w.takeObject()
		if isNotFound(err) {
			w.inner = inner
			return nil
		}
		return errors.Join(err, inner.Close())
	case inner.Size() < w.of.bucket.limits.smallestPart: // the driver makes one part of it and what follows
		w.inner, w.had = inner, inner.Size()
		return nil
	}
	_, parts, err := w.of.bucket.writing(w.ctx, w.path)
	if err == nil && !hasFirst(parts) { // the copy of an object is not whole before it has that
		return errors.Join(w.takeObject(), inner.Close())
	}
	if err != nil {
		return errors.Join(err, inner.Close())
	}
	w.inner, w.had, w.parts = inner, inner.Size(), len(parts)
	w.uneven = isSmall(parts[len(parts)-1], w.of.bucket.limits)
	return nil
}

func isSmall(part *s3.Part, limits limits) bool { return *part.Size < limits.smallestPart }

// takeObject says that all that is there is an object.
func (w *objectWriter) takeObject() error {
	size, err := w.of.bucket.size(w.ctx, w.path)
	if err == nil && size == 0 {
		return storagedriver.PathNotFoundError{Path: w.path, DriverName: w.of.Name()}
	}
	w.had = size
	return err
}

// Size is what is there, in bytes.
func (w *objectWriter) Size() int64 {
	if w.inner == nil {
		return w.had
	}
	return max(w.had, w.inner.Size()) // the driver forgets what it begins anew with
}

func (w *objectWriter) Write(p []byte) (int, error) {
	if w.done {
		return 0, errClosed
	}
	if err := w.prepare(); err != nil {
		return 0, err
	}
	n, err := w.inner.Write(p)
	w.written += int64(n)
	w.done = err != nil
	return n, err
}

// prepare makes sure that S3 takes something after what is there.
func (w *objectWriter) prepare() error {
	if w.inner == nil {
		return w.reopen(w.had)
	}
	if !w.uneven && w.parts+int(w.written/partSize)+1 < w.of.bucket.limits.parts {
		return nil
	}
	if err := w.Close(); err != nil {
		return err
	}
	size := w.inner.Size()
	if err := w.of.bucket.finish(w.ctx, w.path, size); err != nil {
		return err
	}
	return w.reopen(size)
}

// reopen goes on after an object of that size.
func (w *objectWriter) reopen(size int64) error {
	w.done = true
	if err := w.of.bucket.reopen(w.ctx, w.path, size); err != nil {
		return err
	}
	inner, err := w.of.StorageDriver.Writer(w.ctx, w.path, true)
	if err != nil {
		return err
	}
	if inner.Size() != size {
		return errors.Join(errTaken, inner.Close())
	}
	w.inner, w.had, w.written, w.done = inner, size, 0, false
	w.parts, w.uneven = int(w.of.bucket.limits.pieces(size)), false
	return nil
}

func (w *objectWriter) Close() error {
	if w.done || w.inner == nil {
		w.done = true
		return nil
	}
	w.done = true
	return w.inner.Close()
}

// Commit makes an object of what was written.
func (w *objectWriter) Commit(ctx context.Context) error {
	if w.done {
		return errClosed
	}
	w.done = true
	if w.inner == nil { // it is one, and a copy of it may have been begun
		return w.of.bucket.abort(ctx, w.path)
	}
	if err := w.inner.Commit(ctx); err != nil {
		return err
	}
	return w.inner.Close() // it gives its buffer back
}

// Cancel removes what was written, unless it has been moved.
func (w *objectWriter) Cancel(ctx context.Context) error {
	w.done = true
	if err := w.of.bucket.abort(ctx, w.path); err != nil {
		return err
	}
	err := w.of.Delete(ctx, w.path)
	if isNotFound(err) {
		return nil
	}
	return err
}
