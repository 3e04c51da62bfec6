package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// ErrOccupied is returned by [Writer.Commit] when a directory that is not empty is where a file or link should go.
var ErrOccupied = errors.New("a directory that is not empty is in the way")

// Commit makes the tree visible in the target. A file or link replaces a file or link, a directory merges with a
// directory and replaces all else, and an empty directory yields to a file. Each name changes by one rename; all of them
// together are not one step. Modes and times of directories are set last.
//
// An obstacle that can be known before ([ErrOccupied]) changes nothing. After an error the writer is still to be aborted.
func (w *Writer) Commit() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("committing: %w", ErrClosed)
	}
	m := merger{target: w.target, stage: w.stage, existing: map[Path]fs.FileMode{}}
	for _, step := range []func() error{
		w.makeLinks,
		w.finishFiles,
		func() error { return m.check(".") },
		func() error { return m.merge(".") },
		w.finishKept,
		func() error { return w.finishDirs(m.existing) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("committing: %w", err)
		}
	}
	return w.close()
}

// Abort removes what was staged. After Commit, and after Abort, it does nothing.
func (w *Writer) Abort() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	return w.close()
}

func (w *Writer) close() error {
	w.closed = true
	w.dirs.close()
	err := w.stage.remove(w.target)
	if w.before != nil {
		err = errors.Join(err, w.before.remove(w.target))
	}
	return errors.Join(err, w.target.Close())
}

func (w *Writer) makeLinks() error {
	for _, l := range w.links {
		if err := w.stage.Symlink(string(l.Link), string(l.Path)); err != nil {
			return err
		}
	}
	return nil
}

// finishFiles gives the staged files and symlinks their times, and files that do not have them yet their modes.
func (w *Writer) finishFiles() error {
	t := toucher{root: w.stage.Root}
	defer t.close()
	for _, p := range w.paths(File, Symlink) {
		meta, known := w.meta[p]
		if w.modeless[p] {
			if !known {
				meta.mode = defaultFile
			}
			if err := w.stage.Chmod(string(p), w.mode(meta.mode, false)); err != nil {
				return err
			}
		}
		if err := t.touch(p, meta.time); err != nil {
			return err
		}
	}
	return nil
}

// finishDirs gives directories in the target their modes and times, the deepest first. Directories that were there and
// that nobody set keep the mode they had.
func (w *Writer) finishDirs(existing map[Path]fs.FileMode) error {
	t := toucher{root: w.target}
	defer t.close()
	dirs := w.paths(Dir)
	slices.Reverse(dirs)
	for _, p := range dirs {
		meta, known := w.meta[p]
		before, there := existing[p]
		mode := w.mode(meta.mode, true)
		switch {
		case !known && there:
			mode = before
		case !known:
			mode = w.mode(defaultDir, true)
		}
		if err := t.touch(p, meta.time); err != nil {
			return err
		}
		if err := w.chmodDir(p, mode, there && mode == before); err != nil {
			return err
		}
	}
	return nil
}

// chmodDir sets the mode of a directory. One that belongs to somebody else and has the right mode already is fine.
func (w *Writer) chmodDir(p Path, mode fs.FileMode, unchanged bool) error {
	err := w.target.Chmod(string(p), mode)
	if unchanged && errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

func (w *Writer) mode(bits uint32, dir bool) fs.FileMode {
	if w.opts.Share {
		bits = shared(bits, dir)
	}
	return perm(bits)
}

// paths returns what this writer made of some types, in the order of [Compare].
func (w *Writer) paths(types ...Type) []Path {
	var paths []Path
	for p, kind := range w.kinds {
		if slices.Contains(types, kind) {
			paths = append(paths, p)
		}
	}
	slices.SortFunc(paths, Compare)
	return paths
}

// merger moves a staged tree into its target.
type merger struct {
	target   *os.Root
	stage    *staging
	existing map[Path]fs.FileMode // directories that were there, with their modes
}

// pair is one name on both sides; there is nil where the target has nothing.
type pair struct {
	path        Path
	here, there fs.FileInfo
}

func (p pair) both() bool { return p.there != nil && p.here.IsDir() && p.there.IsDir() }

// pairs looks at the names of one staged directory in both trees.
func (m *merger) pairs(dir Path) ([]pair, error) {
	names, err := readNames(m.stage.Root, string(dir))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	pairs := make([]pair, 0, len(names))
	for _, name := range names {
		p := pair{path: dir.Join(name)}
		if p.here, err = m.stage.Lstat(string(p.path)); err != nil {
			return nil, err
		}
		p.there, err = m.target.Lstat(string(p.path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

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
		case p.there != nil && p.there.IsDir():
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
	for _, p := range pairs {
		if p.both() {
			m.enter(p.path, p.there.Mode())
			err = m.merge(p.path)
		} else {
			err = m.move(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enter notes a directory of the target and makes it writable for the while, if it is ours.
func (m *merger) enter(dir Path, mode fs.FileMode) {
	m.existing[dir] = mode.Perm() | mode&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)
	if mode.Perm()&0o700 != 0o700 {
		_ = m.target.Chmod(string(dir), mode.Perm()|0o700) // if it is not ours, the move says so
	}
}

// move puts one staged name in its place. What rename cannot replace is removed first: an empty directory by a file, a
// file or link by a directory.
func (m *merger) move(p pair) error {
	if p.there != nil && p.there.IsDir() != p.here.IsDir() {
		if err := m.target.Remove(string(p.path)); err != nil {
			return err
		}
	}
	return m.target.Rename(m.stage.name+"/"+string(p.path), string(p.path))
}
