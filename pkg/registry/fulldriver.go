package registry

import (
	"context"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// notingDriver is a driver that takes notes of the uploads that a request writes to: see [answerFull].
type notingDriver struct {
	storagedriver.StorageDriver
}

// PutContent writes a whole file.
func (d notingDriver) PutContent(ctx context.Context, path string, content []byte) error {
	notesOf(ctx).touched(path, nil)
	return d.StorageDriver.PutContent(ctx, path, content)
}

// Writer opens a file that is written piece by piece.
func (d notingDriver) Writer(ctx context.Context, path string, appending bool) (storagedriver.FileWriter, error) {
	writer, err := d.StorageDriver.Writer(ctx, path, appending)
	if err != nil {
		notesOf(ctx).touched(path, nil)
		return nil, err
	}
	notesOf(ctx).touched(path, writer)
	return writer, nil
}
