package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// merger moves a staged tree into its target.
type merger struct {
	target   *os.Root
	stage    *os.Root
	existing map[Path]fs.FileMode // directories that were there, with their modes
}

// pair is one name of a staged directory, and what the target has under it.
type pair struct {
	path  Path
	isDir bool        // what is staged
	there fs.FileMode // type of what is in the target
	taken bool        // there is something
}

func (p pair) both() bool { return p.taken && p.isDir && p.there.IsDir() }

// pairs looks at the names of one staged directory in both trees.
func (m *merger) pairs(dir Path) ([]pair, error) {
	staged, err := readTypes(m.stage, dir)
	if err != nil {
		return nil, err
	}
	there, err := m.found(dir, staged)
	if err != nil {
		return nil, err
	}
	pairs := make([]pair, 0, len(staged))
	for _, name := range slices.Sorted(maps.Keys(staged)) {
		p := pair{path: dir.Join(name), isDir: staged[name].IsDir()}
		p.there, p.taken = there[name]
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// few is the number of names up to which each is looked for by itself: the directory may hold far more.
const few = 64

// found returns the types of what the target has under the names of a staged directory, and perhaps of more.
func (m *merger) found(dir Path, staged map[string]fs.FileMode) (map[string]fs.FileMode, error) {
	if len(staged) > few {
		there, err := readTypes(m.target, dir)
		if !errors.Is(err, fs.ErrPermission) {
			return there, err
		}
	}
	there := map[string]fs.FileMode{}
	for name := range staged {
		info, err := m.target.Lstat(string(dir.Join(name)))
		switch {
		case err == nil:
			there[name] = info.Mode().Type()
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return there, nil
}

// readTypes returns the names in a directory and what each is.
func readTypes(root *os.Root, dir Path) (map[string]fs.FileMode, error) {
	f, err := root.OpenFile(string(dir), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	// A file that a Root has opened asks for more than the type of each name: a system call and much memory.
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "dup", Path: string(dir), Err: err}
	}
	plain := os.NewFile(uintptr(fd), f.Name())
	defer plain.Close() //nolint:errcheck // nothing was written
	types := map[string]fs.FileMode{}
	for {
		const piece = 4096
		entries, err := plain.ReadDir(piece)
		for _, e := range entries {
			types[e.Name()] = e.Type()
		}
		switch {
		case errors.Is(err, io.EOF):
			return types, nil
		case err != nil:
			return nil, err
		}
	}
}

// pathOnly opens a directory that need not be readable, for renaming in it.
const pathOnly = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW

// check finds what would stop merge halfway.
func (m *merger) check(dir Path) error {
	pairs, err := m.pairs(dir)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		switch {
		case p.both():
			err = m.check(p.path)
		case p.taken && p.there.IsDir():
			err = m.empty(p.path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) empty(dir Path) error {
	names, err := readNames(m.target, string(dir))
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("%s: %w", dir, ErrOccupied)
	}
	return err
}

func (m *merger) merge(dir Path) error {
	pairs, err := m.pairs(dir)
	if err != nil {
		return err
	}
	from, err := m.stage.OpenFile(string(dir), pathOnly, 0)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // nothing was written
	to, err := m.target.OpenFile(string(dir), pathOnly, 0)
	if err != nil {
		return err
	}
	defer to.Close() //nolint:errcheck // nothing was written
	for _, p := range pairs {
		if p.both() {
			err = m.mergeBelow(p.path)
		} else {
			err = m.move(p, from, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mergeBelow merges a directory that is in both. That of the target is made writable for the while, if it is ours.
func (m *merger) mergeBelow(dir Path) error {
	info, err := m.target.Lstat(string(dir))
	if err != nil {
		return err
	}
	mode := info.Mode()
	m.existing[dir] = mode.Perm() | mode&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)
	if mode.Perm()&0o700 != 0o700 {
		_ = m.target.Chmod(string(dir), mode.Perm()|0o700) // if it is not ours, the move says so
	}
	return m.merge(dir)
}

// move puts one staged name in its place, from one open directory into another. What rename cannot replace is removed first:
// an empty directory by a file, a file or link by a directory.
func (m *merger) move(p pair, from, to *os.File) error {
	if p.taken && p.there.IsDir() != p.isDir {
		if err := m.target.Remove(string(p.path)); err != nil {
			return err
		}
	}
	name := p.path.Base()
	err := eintr(func() error { return unix.Renameat(int(from.Fd()), name, int(to.Fd()), name) })
	if err != nil {
		return &fs.PathError{Op: "renameat", Path: string(p.path), Err: err}
	}
	return nil
}
