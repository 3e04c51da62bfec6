package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lockName is the file in the root that whoever has the directory holds a lock on. It says who that is.
	lockName = ".lock"
	// lockWait is how long a lock is waited for: where a server is replaced, the next one starts while the last one ends.
	lockWait = 10 * time.Second
	// lockRetry is the time between two tries.
	lockRetry = 100 * time.Millisecond
	// maxHolder is in bytes, more than any name of a holder.
	maxHolder = 1024
)

// lock takes the lock of root, and waits for it as long as wait. Closing the file gives it up, as does the end of the process.
func lock(ctx context.Context, root string, wait time.Duration) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(root, lockName), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", root, err)
	}
	if err := flock(ctx, file, wait); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", root, err), file.Close())
	}
	// Only for people: a disk that is full does not keep it from starting.
	if file.Truncate(0) == nil {
		host, _ := os.Hostname()                                        // then it is empty
		fmt.Fprintf(file, "process %d on host %s\n", os.Getpid(), host) //nolint:errcheck // as above
	}
	return file, nil
}

// flock tries to lock file until it can, ctx ends, or wait is over.
func flock(ctx context.Context, file *os.File, wait time.Duration) error {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case <-retry.C:
		case <-deadline.C:
			return fmt.Errorf("it is in use by %s, and still was after %s", holder(file), wait)
		case <-ctx.Done():
			return fmt.Errorf("it is in use by %s: %w", holder(file), ctx.Err())
		}
	}
}

// holder is what the file says of who has locked it.
func holder(file *os.File) string {
	content, err := io.ReadAll(io.NewSectionReader(file, 0, maxHolder))
	if name := strings.TrimSpace(string(content)); err == nil && name != "" {
		return name
	}
	return "a process that does not say who it is"
}
