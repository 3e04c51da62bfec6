package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Open opens the regular file at rel beneath path for reading. As in [List], path may be a symlink, and may itself be the
// file, then rel is its base name; or it may be a pattern, then rel lies beneath the directory that matches are named
// relative to. No symlink below is followed, in no component. Anything that is not a regular file is refused with
// [ErrNotRegular] and never opened.
func Open(path string, rel Path) (*os.File, error) {
	f, err := open(path, rel)
	if err != nil {
		return nil, fmt.Errorf("opening %s in %s: %w", rel, path, err)
	}
	return f, nil
}

func open(path string, rel Path) (*os.File, error) {
	if err := ValidPath(rel); err != nil {
		return nil, err
	}
	dir, err := openRoot(path)
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return openSingle(path, rel)
	case err != nil:
		return nil, err
	}
	dir, err = descend(dir, rel.Dir())
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir) //nolint:errcheck // nothing was written
	return openRegular(dir, rel.Base(), unix.O_NOFOLLOW, string(rel))
}

// openRoot opens the directory that names are relative to.
func openRoot(path string) (int, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY
	dir, err := openAt(unix.AT_FDCWD, path, flags)
	if !errors.Is(err, unix.ENOENT) {
		return dir, err
	}
	if p, ok := parsePattern(path); ok {
		return openAt(unix.AT_FDCWD, p.base, flags)
	}
	return dir, err
}

// descend walks from the directory open at fd along rel and returns the last directory. It closes fd.
func descend(fd int, rel Path) (int, error) {
	if rel == "." {
		return fd, nil
	}
	for name := range strings.SplitSeq(string(rel), "/") {
		next, err := openAt(fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		_ = unix.Close(fd)
		if err != nil {
			return -1, err
		}
		fd = next
	}
	return fd, nil
}

// openSingle opens a tree that is one file.
func openSingle(path string, rel Path) (*os.File, error) {
	if string(rel) != filepath.Base(path) {
		return nil, fs.ErrNotExist
	}
	return openRegular(unix.AT_FDCWD, path, 0, path)
}

// openRegular opens name in dir once it is known to be a regular file, and looks again at what it got.
func openRegular(dir int, name string, flags int, label string) (*os.File, error) {
	var st unix.Stat_t
	look := 0
	if flags&unix.O_NOFOLLOW != 0 {
		look = unix.AT_SYMLINK_NOFOLLOW
	}
	if err := eintr(func() error { return unix.Fstatat(dir, name, &st, look) }); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, ErrNotRegular
	}
	fd, err := openAt(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|flags)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), label)
	if _, err := Stat(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
