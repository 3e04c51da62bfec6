package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// tmpName is the directory in the root for files that are not whole yet.
const tmpName = ".tmp"

// maxThreads bounds the reads that block at a time, the default of distribution's driver.
const maxThreads = 100

// directory is a driver that keeps files below a root. It reads as distribution's does, and writes durably:
//
//   - the data of a file is synced before it gets its name;
//   - whatever changes a directory returns once its entries are on the disk, see [changes];
//   - unfinished uploads are the exception: nothing of them is synced before the end, since a client begins again with what is
//     lost. The states of their hashes are not written at all, see [hashStates].
type directory struct {
	storagedriver.StorageDriver // reads
	root                        string
	changes                     *changes
	hashes                      *hashStates
	turns                       *turns
}

// newDirectory is a driver for root, which is there, and this process' alone. All syncing is by sync.
func newDirectory(root string, sync func(*os.File) error) *directory {
	return &directory{
		StorageDriver: filesystem.New(filesystem.DriverParameters{RootDirectory: root, MaxThreads: maxThreads}),
		root:          root,
		changes:       newChanges(sync),
		hashes:        newHashStates(),
		turns:         newTurns(),
	}
}

// PutContent replaces a file at once: others see what was there before, or all of content.
func (d *directory) PutContent(_ context.Context, path string, content []byte) error {
	if err := d.check(path); err != nil {
		return err
	}
	upload, inUpload := layout.InUpload(path)
	if algorithm, offset, ok := layout.HashStateIn(upload, path); inUpload && ok && offset != "" {
		// The library writes one more once it has removed the upload.
		if _, err := os.Lstat(d.file(upload)); err == nil {
			d.hashes.put(upload, algorithm, offset, content)
		}
		return nil
	}
	tmp, err := d.writeTemporary(content, !inUpload)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := d.rename(tmp, d.file(path), !inUpload); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), remove(tmp))
	}
	return nil
}

// writeTemporary makes a file of that content that has no name in the storage yet.
func (d *directory) writeTemporary(content []byte, durably bool) (name string, err error) {
	file, err := os.CreateTemp(filepath.Join(d.root, tmpName), "")
	if err != nil {
		return "", err
	}
	_, err = file.Write(content)
	if err == nil && durably {
		err = d.changes.sync(file)
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Chmod(file.Name(), fileMode)
	}
	if err != nil {
		return "", errors.Join(err, remove(file.Name()))
	}
	return file.Name(), nil
}

// rename gives a file another name, for good where that is asked for.
func (d *directory) rename(source, dest string, durably bool) error {
	if !durably {
		return d.changes.later(func(c *change) error { return c.rename(source, dest) })
	}
	return d.changes.do(func(c *change) error {
		c.in(filepath.Dir(dest))
		return c.rename(source, dest)
	})
}

// Move gives a file, or a directory, another name. The data of a file is synced already: whoever wrote it has committed it.
// Nothing is lost where the old name comes back after a crash, so its directory is not synced.
func (d *directory) Move(_ context.Context, source, dest string) error {
	if err := d.check(source, dest); err != nil {
		return err
	}
	if _, err := os.Lstat(d.file(source)); errors.Is(err, fs.ErrNotExist) {
		return d.notFound(source)
	}
	_, inUpload := layout.InUpload(dest)
	if err := d.rename(d.file(source), d.file(dest), !inUpload); err != nil {
		return fmt.Errorf("moving %s: %w", source, err)
	}
	return nil
}

// Delete removes a file, or a directory with all that is below it, for good but where it is of no account if it comes back: in
// uploads, which are abandoned then, and among the data of blobs, where nothing is found but by links.
func (d *directory) Delete(_ context.Context, path string) error {
	if err := d.check(path); err != nil {
		return err
	}
	name := d.file(path)
	if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return d.notFound(path)
	}
	upload, inUpload := layout.InUpload(path)
	if inUpload {
		d.hashes.drop(upload)
		d.turns.drop(d.file(layout.UploadData(upload)))
	}
	if inUpload || strings.HasPrefix(path, layout.Blobs+"/") {
		return os.RemoveAll(name)
	}
	return d.changes.do(func(c *change) error {
		c.in(filepath.Dir(name))
		return os.RemoveAll(name)
	})
}

// GetContent returns the content of a file.
func (d *directory) GetContent(ctx context.Context, path string) ([]byte, error) {
	if upload, ok := layout.InUpload(path); ok {
		if algorithm, offset, ok := layout.HashStateIn(upload, path); ok {
			if state, ok := d.hashes.get(upload, algorithm, offset); ok {
				return state, nil
			}
			return nil, d.notFound(path)
		}
	}
	return d.StorageDriver.GetContent(ctx, path)
}

// List returns the paths of all files and directories right below path.
func (d *directory) List(ctx context.Context, path string) ([]string, error) {
	if upload, ok := layout.InUpload(path); ok {
		if algorithm, _, ok := layout.HashStateIn(upload, path); ok {
			return d.hashes.list(upload, algorithm, path), nil
		}
	}
	paths, err := d.StorageDriver.List(ctx, path)
	if path == "/" {
		paths = slices.DeleteFunc(paths, func(p string) bool { return p == "/"+tmpName || p == "/"+lockName })
	}
	return paths, err
}

// check returns an error unless all paths are such as a driver takes.
func (d *directory) check(paths ...string) error {
	for _, path := range paths {
		if !storagedriver.PathRegexp.MatchString(path) || slices.Contains(strings.Split(path, "/"), "..") {
			return storagedriver.InvalidPathError{Path: path, DriverName: d.Name()}
		}
	}
	return nil
}

func (d *directory) notFound(path string) error {
	return storagedriver.PathNotFoundError{Path: path, DriverName: d.Name()}
}

// file is the name of a path's file.
func (d *directory) file(path string) string { return filepath.Join(d.root, path) }

// remove removes a file that may be gone.
func remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
