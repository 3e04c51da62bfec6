package storage

import (
	"context"

	"github.com/distribution/distribution/v3"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// objects is distribution's driver for S3, where some of its answers are put right:
//
//   - it takes /v1 for a directory that is there if /v10 is, or /v1-a/link;
//   - it removes nothing, and says nothing of that, in the same case;
//   - what it writes, and what it moves, may be larger than S3 takes it so: see [objectWriter] and [bucket.move].
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

// Move gives a file another path.
func (d objects) Move(ctx context.Context, source, dest string) error {
	info, err := d.StorageDriver.Stat(ctx, source)
	if err != nil {
		return err
	}
	if info.Size() <= copySize*int64(d.bucket.limits.parts) {
		return d.StorageDriver.Move(ctx, source, dest)
	}
	return d.bucket.move(ctx, source, dest, info.Size())
}

// Writer opens a file to write it from its beginning, or to go on where another writer, of any process, has closed it. Where an upload
// has none to go on with, the error is [distribution.ErrBlobUploadUnknown], which the library answers with 404.
func (d objects) Writer(ctx context.Context, path string, appended bool) (storagedriver.FileWriter, error) {
	w := &objectWriter{ctx: ctx, of: d, path: path}
	var err error
	if appended {
		err = w.goOn()
	} else {
		w.inner, err = d.StorageDriver.Writer(ctx, path, false)
	}
	if _, ok := layout.InUpload(path); ok && isNotFound(err) {
		err = distribution.ErrBlobUploadUnknown
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}
