package handoff

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Poll intervals beneath inotify, which can miss events on some file systems, and where it cannot be had at all (its
// instances are limited per user).
const (
	slowPoll = time.Second
	fastPoll = 100 * time.Millisecond
)

// Await waits until the record at path exists and accept returns true for it. Records that cannot be read for other
// reasons than absence end the wait with their error, ctx with its cause.
func Await[T any, P record[T]](ctx context.Context, dir Dir, path string, accept func(T) bool) (T, error) {
	var rec T
	err := Watch(ctx, dir, path, func() (bool, error) {
		var err error
		rec, err = Read[T, P](path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil && accept(rec), err
	})
	return rec, err
}

// Watch calls check at once, whenever something changes in the directories between dir and path, and every second;
// until it returns true or an error, or ctx ends. The directories need not exist yet.
func Watch(ctx context.Context, dir Dir, path string, check func() (bool, error)) error {
	n := newNotifier()
	defer func() { go n.close() }() // the kernel takes some milliseconds for that
	return n.watch(ctx, dir, path, check)
}

func (n *notifier) watch(ctx context.Context, dir Dir, path string, check func() (bool, error)) error {
	for {
		n.add(string(dir), path)
		if ok, err := check(); ok || err != nil {
			return err
		}
		if err := n.wait(ctx); err != nil {
			return err
		}
	}
}

// notifier is an inotify instance, or a timer where there is none to be had.
type notifier struct {
	file *os.File // nil: poll
}

func newNotifier() *notifier {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return &notifier{}
	}
	return &notifier{file: os.NewFile(uintptr(fd), "inotify")}
}

func (n *notifier) close() {
	if n.file != nil {
		n.file.Close() //nolint:errcheck // nothing was written
	}
}

// add watches each directory from dir down to the one that path is in, as far as they exist; adding one again changes
// nothing. Downward, so that a directory made meanwhile either is there to be added or shows as an event above.
func (n *notifier) add(dir, path string) {
	if n.file == nil {
		return
	}
	var chain []string
	for at := filepath.Dir(path); len(at) >= len(dir); at = filepath.Dir(at) {
		chain = append(chain, at)
		if at == filepath.Dir(at) {
			break
		}
	}
	for _, at := range slices.Backward(chain) {
		n.addOne(at)
	}
}

func (n *notifier) addOne(dir string) {
	const events = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_CLOSE_WRITE | unix.IN_ONLYDIR
	conn, err := n.file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_, _ = unix.InotifyAddWatch(int(fd), dir, events) // a missing directory comes later, the poll covers the rest
	})
}

// wait returns after an event, after the poll interval, or with the cause of ctx's end.
func (n *notifier) wait(ctx context.Context) error {
	if n.file == nil {
		return sleep(ctx, fastPoll)
	}
	stop := context.AfterFunc(ctx, func() { n.file.SetReadDeadline(time.Unix(1, 0)) }) //nolint:errcheck // ends the read
	defer stop()
	n.file.SetReadDeadline(time.Now().Add(slowPoll)) //nolint:errcheck // inotify is always pollable
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var events [4096]byte
	_, err := n.file.Read(events[:])
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return sleep(ctx, fastPoll)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
