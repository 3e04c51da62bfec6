package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Stater is an open file that tells its state: an [os.File], or one elsewhere that answers with [Entry.Info].
type Stater interface {
	Stat() (fs.FileInfo, error)
}

// Stat returns the entry of an open regular file, without its path. It fails with [ErrNotRegular] for anything else, so
// it is also the check of a descriptor that came from somebody else.
func Stat(f Stater) (Entry, error) {
	info, err := f.Stat()
	if err != nil {
		return Entry{}, err
	}
	e := infoEntry("", info)
	if e.Type != File {
		return Entry{}, fmt.Errorf("%s: %w", info.Name(), ErrNotRegular)
	}
	return e, nil
}

// infoEntry is the entry of what package os, or [Entry.Info], tells of a name.
func infoEntry(p Path, info fs.FileInfo) Entry {
	switch state := info.Sys().(type) {
	case Entry:
		return state
	case *syscall.Stat_t:
		return entryOf(p, &unix.Stat_t{
			Mode: state.Mode, Size: state.Size, Dev: state.Dev, Ino: state.Ino,
			Mtim: unix.Timespec(state.Mtim), Ctim: unix.Timespec(state.Ctim),
		})
	}
	return Entry{}
}

// Info is the entry as the Stat of an open file returns it.
func (e Entry) Info() fs.FileInfo { return entryInfo{e} }

type entryInfo struct{ entry Entry }

func (i entryInfo) Name() string       { return i.entry.Path.Base() }
func (i entryInfo) Size() int64        { return i.entry.Size }
func (i entryInfo) ModTime() time.Time { return i.entry.ModTime }
func (i entryInfo) IsDir() bool        { return i.entry.Type == Dir }
func (i entryInfo) Sys() any           { return i.entry }

func (i entryInfo) Mode() fs.FileMode {
	switch i.entry.Type {
	case Dir:
		return fs.ModeDir | perm(i.entry.Mode)
	case Symlink:
		return fs.ModeSymlink | perm(i.entry.Mode)
	}
	return perm(i.entry.Mode)
}

// entryOf translates what the kernel says about a name. A type that no tree holds becomes the empty type.
func entryOf(p Path, st *unix.Stat_t) Entry {
	e := Entry{
		Path:    p,
		Mode:    st.Mode & 0o7777,
		ModTime: clamp(time.Unix(st.Mtim.Unix())),
		Dev:     uint64(st.Dev),
		Ino:     st.Ino,
		Ctime:   clamp(time.Unix(st.Ctim.Unix())),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		e.Type, e.Size = File, st.Size
	case unix.S_IFDIR:
		e.Type = Dir
	case unix.S_IFLNK:
		e.Type = Symlink
	}
	return e
}

// clamp brings a time into the years that JSON can hold.
func clamp(t time.Time) time.Time {
	t = t.UTC()
	first := time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	switch {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t
}

func statAt(dir int, name string) (*unix.Stat_t, error) {
	st := new(unix.Stat_t)
	return st, eintr(func() error { return unix.Fstatat(dir, name, st, unix.AT_SYMLINK_NOFOLLOW) })
}

func openAt(dir int, name string, flags int) (int, error) {
	fd := -1
	err := eintr(func() (err error) {
		fd, err = unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, err
}

// eintr repeats a system call that a signal interrupted.
func eintr(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
