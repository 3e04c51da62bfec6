package storage

import (
	"context"
	"io"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// telling is a driver whose errors are those of another, but [told].
type telling struct{ storagedriver.StorageDriver }

func (d telling) GetContent(ctx context.Context, path string) ([]byte, error) {
	content, err := d.StorageDriver.GetContent(ctx, path)
	return content, told(ctx, err)
}

func (d telling) PutContent(ctx context.Context, path string, content []byte) error {
	return told(ctx, d.StorageDriver.PutContent(ctx, path, content))
}

func (d telling) Reader(ctx context.Context, path string, offset int64) (io.ReadCloser, error) {
	reader, err := d.StorageDriver.Reader(ctx, path, offset)
	return reader, told(ctx, err)
}

func (d telling) Writer(ctx context.Context, path string, appended bool) (storagedriver.FileWriter, error) {
	writer, err := d.StorageDriver.Writer(ctx, path, appended)
	if err != nil {
		return nil, told(ctx, err)
	}
	return tellingWriter{writer, ctx}, nil
}

func (d telling) Stat(ctx context.Context, path string) (storagedriver.FileInfo, error) {
	info, err := d.StorageDriver.Stat(ctx, path)
	return info, told(ctx, err)
}

func (d telling) List(ctx context.Context, path string) ([]string, error) {
	paths, err := d.StorageDriver.List(ctx, path)
	return paths, told(ctx, err)
}

func (d telling) Move(ctx context.Context, source, dest string) error {
	return told(ctx, d.StorageDriver.Move(ctx, source, dest))
}

func (d telling) Delete(ctx context.Context, path string) error {
	return told(ctx, d.StorageDriver.Delete(ctx, path))
}

func (d telling) Walk(ctx context.Context, path string, f storagedriver.WalkFn, options ...func(*storagedriver.WalkOptions)) error {
	return told(ctx, d.StorageDriver.Walk(ctx, path, f, options...))
}

// tellingWriter is a writer whose errors are [told].
type tellingWriter struct {
	storagedriver.FileWriter
	ctx context.Context
}

func (w tellingWriter) Write(p []byte) (int, error) {
	n, err := w.FileWriter.Write(p)
	return n, told(w.ctx, err)
}

func (w tellingWriter) Close() error { return told(w.ctx, w.FileWriter.Close()) }

func (w tellingWriter) Commit(ctx context.Context) error {
	return told(w.ctx, w.FileWriter.Commit(ctx))
}

func (w tellingWriter) Cancel(ctx context.Context) error {
	return told(w.ctx, w.FileWriter.Cancel(ctx))
}
