package collect

import (
	"context"
	"errors"
	"io/fs"
	"path"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// flatDriver is the name of the driver whose own Walk is one listing of all objects. Other drivers list directory by directory.
const flatDriver = "s3aws"

// walk calls fn for each file and directory below root, and does not enter a directory for which skip is true. What is removed
// meanwhile may be left out or not: the drivers' own walk ends with an error instead where that is a directory.
func walk(ctx context.Context, driver storagedriver.StorageDriver, root string, skip func(dir string) bool, fn func(storagedriver.FileInfo) error) error {
	if driver.Name() == flatDriver {
		return ignoreMissing(driver.Walk(ctx, root, func(info storagedriver.FileInfo) error {
			if info.IsDir() && skip(info.Path()) {
				return storagedriver.ErrSkipDir
			}
			return fn(info)
		}))
	}
	children, err := driver.List(ctx, root)
	if err != nil {
		return ignoreMissing(err)
	}
	for _, child := range children {
		if err := ctx.Err(); err != nil {
			return err // a directory does not ask
		}
		if skip(child) {
			continue
		}
		info, err := driver.Stat(ctx, child)
		if missing(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := fn(info); err != nil {
			return err
		}
		if !info.IsDir() {
			continue
		}
		if err := walk(ctx, driver, child, skip, fn); err != nil {
			return err
		}
	}
	return nil
}

// missing tells whether err says that there is nothing at a path, or that it went while it was looked at.
func missing(err error) bool {
	var notFound storagedriver.PathNotFoundError
	var opaque storagedriver.Error // does not say what it wraps
	return errors.As(err, &notFound) || errors.Is(err, fs.ErrNotExist) ||
		errors.As(err, &opaque) && errors.Is(opaque.Detail, fs.ErrNotExist)
}

func ignoreMissing(err error) error {
	if missing(err) {
		return nil
	}
	return err
}

// remove removes what is at p, which may be gone already.
func remove(ctx context.Context, driver storagedriver.StorageDriver, p string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return ignoreMissing(driver.Delete(ctx, path.Clean(p)))
}
