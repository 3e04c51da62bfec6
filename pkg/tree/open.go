package tree

import (
	"errors"
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
func Open(path string, rel Path) (*os.File, error) { return Place{Path: path}.Open(rel) }

func open(at filesystem, path string, rel Path) (*os.File, error) {
	if err := ValidPath(rel); err != nil {
		return nil, err
	}
	top, err := openTop(at, path)
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return openSingle(at, path, rel)
	case err != nil:
		return nil, err
	}
	defer top.Close() //nolint:errcheck // nothing was written
	dir, err := descend(int(top.Fd()), rel.Dir())
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir) //nolint:errcheck // nothing was written
	return openRegular(dir, rel.Base(), string(rel), unix.O_RDONLY)
}

// openTop opens the directory that names are relative to.
func openTop(at filesystem, path string) (*os.File, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY
	dir, err := at.OpenFile(path, flags, 0)
	if !errors.Is(err, unix.ENOENT) {
		return dir, err
	}
	if p, ok := parsePattern(path); ok {
		return at.OpenFile(p.base, flags, 0)
	}
	return dir, err
}

// descend walks from the directory open at top along rel and opens the last directory.
func descend(top int, rel Path) (int, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW
	fd, err := openAt(top, ".", flags)
	if rel == "." {
		return fd, err
	}
	for name := range strings.SplitSeq(string(rel), "/") {
		if err != nil {
			return -1, err
		}
		up := fd
		fd, err = openAt(up, name, flags)
		_ = unix.Close(up)
	}
	return fd, err
}

// openSingle opens a tree that is one file.
func openSingle(at filesystem, path string, rel Path) (*os.File, error) {
	if string(rel) != filepath.Base(path) {
		return nil, fs.ErrNotExist
	}
	info, err := at.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, ErrNotRegular
	}
	f, err := at.OpenFile(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	return onlyRegular(f)
}

// openRegular opens name in dir once it is known to be a regular file.
func openRegular(dir int, name, label string, flags int) (*os.File, error) {
	st, err := statAt(dir, name)
	switch {
	case err != nil:
		return nil, err
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, ErrNotRegular
	}
	fd, err := openAt(dir, name, flags|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	return onlyRegular(os.NewFile(uintptr(fd), label))
}

// onlyRegular looks again at what was opened, and closes it unless it is a regular file.
func onlyRegular(f *os.File) (*os.File, error) {
	if _, err := Stat(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
