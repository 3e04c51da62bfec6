package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"sync"
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
	m := merger{target: w.target, stage: w.stage.Root, existing: map[Path]fs.FileMode{}}
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
	paths := w.paths(File, Symlink)
	errs := make([]error, runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	share := (len(paths) + len(errs) - 1) / len(errs)
	for i := range errs {
		mine := paths[min(i*share, len(paths)):min((i+1)*share, len(paths))]
		group.Go(func() { errs[i] = w.finish(mine) })
	}
	group.Wait()
	return errors.Join(errs...)
}

func (w *Writer) finish(paths []Path) error {
	t := toucher{root: w.stage.Root}
	defer t.close()
	for _, p := range paths {
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
		err := t.touch(p, meta.time)
		if there && errors.Is(err, fs.ErrPermission) {
			err = nil // one that belongs to somebody else keeps its time
		}
		if err != nil {
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
