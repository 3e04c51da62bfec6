package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"golang.org/x/sys/unix"
)

// Store is where a registry keeps its data.
type Store struct {
	driver storagedriver.StorageDriver
	log    *slog.Logger
	root   string   // empty with S3
	lock   *os.File // nil with S3
	bucket *bucket  // nil with a directory
}

// Open opens the storage that cfg says. A directory is this process' alone until Close; if another has it, it is waited for as
// long as 10 s. A bucket is tried for as long as 30 s.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.S3 != nil {
		return openBucket(ctx, *cfg.S3, log, limitsOfS3)
	}
	return openDirectory(ctx, cfg.Root, log, lockWait, (*os.File).Sync)
}

// openDirectory opens a directory. All syncing of files and directories is by sync.
func openDirectory(ctx context.Context, root string, log *slog.Logger, wait time.Duration, sync func(*os.File) error) (_ *Store, err error) {
	if err := os.MkdirAll(root, dirMode); err != nil {
		return nil, fmt.Errorf("making the root directory: %w", err)
	}
	lock, err := lock(ctx, root, wait)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	if err := emptied(filepath.Join(root, tmpName)); err != nil && !isFull(err) {
		return nil, fmt.Errorf("removing what is not whole: %w", err)
	}
	// Whoever was here before may have been killed between a change and its syncing, and we build upon what we see.
	if err := unix.Syncfs(int(lock.Fd())); err != nil {
		return nil, fmt.Errorf("syncing the root directory's file system: %w", err)
	}
	store := &Store{driver: telling{newDirectory(root, sync)}, log: log, root: root, lock: lock}
	if err := store.CheckWritable(ctx); err != nil {
		return nil, err
	}
	return store, nil
}

// emptied makes a directory, or removes all that is in it.
func emptied(dir string) error {
	if err := os.Mkdir(dir, dirMode); !errors.Is(err, fs.ErrExist) {
		return err
	}
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
	}
	return err
}

// Driver is the storage as the library takes it, for as long as the store is open. Its errors can be unwrapped, and wrap [ErrFull] where there is no more room.
//
// For a directory: what PutContent, Move, Delete, or the Commit of a writer has done when it returns is on the disk, and so is all
// that it may have seen others do; only unfinished uploads are not, nor need they be. What PutContent replaces it replaces at once.
func (s *Store) Driver() storagedriver.StorageDriver { return s.driver }

// Root is the directory of all data; the second result is false where there is none.
func (s *Store) Root() (string, bool) { return s.root, s.root != "" }

// Space returns the bytes that are free to a user other than root, and those of the whole file system; ok is false where neither is known.
func (s *Store) Space(context.Context) (free, size uint64, ok bool) {
	if s.root == "" {
		return 0, 0, false
	}
	var of unix.Statfs_t
	if err := unix.Statfs(s.root, &of); err != nil {
		s.log.Warn("The space of the storage is not known.", "err", err)
		return 0, 0, false
	}
	block := uint64(of.Bsize)
	return of.Bavail * block, of.Blocks * block, true
}

// CheckWritable returns nil if the storage can be written to: a directory by making a file, a bucket, which was written to
// when it was opened, by looking into it. One that is full counts as writable: a registry without room still serves what it
// has, and answers a push with what is wrong, which it could not do if it were not ready.
func (s *Store) CheckWritable(ctx context.Context) error {
	if s.bucket != nil {
		return s.bucket.check(ctx)
	}
	err := probe(filepath.Join(s.root, tmpName))
	if err != nil && !isFull(err) {
		return fmt.Errorf("writing to the root directory: %w", err)
	}
	return nil
}

// probe makes and removes a file in dir, and dir itself where it could not be made before.
func probe(dir string) error {
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	file, err := os.CreateTemp(dir, "")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// Close gives a directory up, to whoever waits for it. Nothing may use the driver any more.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}
