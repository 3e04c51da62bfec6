package storage

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// AbandonUploads removes the uploads that nobody has gone on with for that long, and returns how many. With zero it removes
// all, even those that are under way: their ends fail. It goes on after an error, and returns all.
func (s *Store) AbandonUploads(ctx context.Context, olderThan time.Duration) (removed int, err error) {
	before := time.Now().Add(-olderThan)
	uploads, err := s.uploads(ctx)
	if err != nil {
		return 0, fmt.Errorf("looking for uploads: %w", err)
	}
	var failed []error
	for _, upload := range uploads {
		gone, err := s.abandon(ctx, upload, before)
		if err != nil {
			failed = append(failed, fmt.Errorf("removing the upload %s: %w", upload, err))
		}
		if gone {
			removed++
		}
	}
	if s.bucket != nil {
		failed = append(failed, s.bucket.abortBefore(ctx, before))
	}
	return removed, errors.Join(failed...)
}

// uploads returns the directories of all unfinished uploads.
func (s *Store) uploads(ctx context.Context) ([]string, error) {
	var uploads []string
	err := s.driver.Walk(ctx, layout.Repositories, func(info storagedriver.FileInfo) error {
		p := info.Path()
		switch {
		case !info.IsDir():
			return nil
		case layout.IsUploads(path.Dir(p)):
			uploads = append(uploads, p)
			return storagedriver.ErrSkipDir
		case layout.Reserved(path.Base(p)) && !layout.IsUploads(p):
			return storagedriver.ErrSkipDir
		}
		return ctx.Err()
	})
	if isNotFound(err) {
		return nil, nil
	}
	return uploads, err
}

// abandon removes an upload unless somebody has gone on with it since before, and tells whether it did.
func (s *Store) abandon(ctx context.Context, upload string, before time.Time) (bool, error) {
	last, err := s.lastOf(ctx, upload)
	if err != nil || last.After(before) {
		return false, err
	}
	if s.bucket != nil {
		if err := s.bucket.abort(ctx, layout.UploadData(upload)); err != nil {
			return false, err
		}
	}
	err = s.driver.Delete(ctx, upload)
	if isNotFound(err) {
		return false, nil // it has ended meanwhile
	}
	return err == nil, err
}

// lastOf is the time of the last change in an upload.
func (s *Store) lastOf(ctx context.Context, upload string) (time.Time, error) {
	var last time.Time
	note := func(info storagedriver.FileInfo) error {
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
		return nil
	}
	if info, err := s.driver.Stat(ctx, upload); err == nil {
		_ = note(info) // it has none
	}
	err := s.driver.Walk(ctx, upload, note)
	if err != nil && !isNotFound(err) {
		return time.Time{}, err
	}
	if s.bucket == nil {
		return last, nil
	}
	part, err := s.bucket.lastPart(ctx, layout.UploadData(upload))
	if part.After(last) {
		last = part
	}
	return last, err
}

// isNotFound tells whether a driver says that there is nothing of that path.
func isNotFound(err error) bool {
	_, ok := errors.AsType[storagedriver.PathNotFoundError](err)
	return ok
}
