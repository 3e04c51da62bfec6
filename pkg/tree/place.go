package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrOutside is returned for the path of a [Place] that leads out of its root.
var ErrOutside = errors.New("the path leads out of its root")

// Place is where a tree is that somebody else may have prepared to lead us astray.
type Place struct {
	// Root is a directory that nothing leads out of: symlinks on the way that stay beneath it are followed, one that
	// leaves it, or is absolute, is [ErrOutside]. Root itself is trusted. Empty: there is no such bound.
	Root string
	// Path is relative to Root; empty: Root itself.
	Path string
}

// List is the function [List] for a place.
func (p Place) List() (Listing, error) { return p.list(MaxEntries) }

// Open is the function [Open] for a place.
func (p Place) Open(rel Path) (*os.File, error) {
	var f *os.File
	err := p.within(func(at filesystem, path string) (err error) {
		f, err = open(at, path, rel)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening %s in %s: %w", rel, p, err)
	}
	return f, nil
}

// NewWriter is the function [NewWriter] for a place.
func (p Place) NewWriter(opts WriterOptions) (*Writer, error) {
	var target *os.Root
	err := p.within(func(at filesystem, path string) (err error) {
		if err = makeTarget(at, path, opts); err == nil {
			target, err = at.OpenRoot(path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("writing to %s: %w", p, err)
	}
	return newWriter(target, opts)
}

// String is the path of the place for this process.
func (p Place) String() string {
	if p.Root == "" || p.Path == "" {
		return p.Root + p.Path
	}
	return p.Root + "/" + p.Path
}

// within calls do with the file system that the path is looked up in, and the path there.
func (p Place) within(do func(at filesystem, path string) error) error {
	if p.Root == "" || p.Path == "" {
		return do(everything{}, p.Root+p.Path)
	}
	root, err := os.OpenRoot(p.Root)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing was written to it
	if err = do(root, p.Path); err == nil {
		return nil
	}
	// Package os has no name for its refusal to leave a root: asked for what never lies in one, it shows it.
	if _, refusal := root.Lstat(".."); errors.Is(err, errors.Unwrap(refusal)) {
		return ErrOutside
	}
	return err
}

// filesystem is where a path is looked up: an [os.Root], or everything.
type filesystem interface {
	Lstat(name string) (fs.FileInfo, error)
	Stat(name string) (fs.FileInfo, error)
	Chmod(name string, mode fs.FileMode) error
	MkdirAll(name string, perm fs.FileMode) error
	OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	OpenRoot(name string) (*os.Root, error)
}

// everything is the file system as this process sees it.
type everything struct{}

func (everything) Lstat(name string) (fs.FileInfo, error)       { return os.Lstat(name) }
func (everything) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }
func (everything) Chmod(name string, mode fs.FileMode) error    { return os.Chmod(name, mode) }
func (everything) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }
func (everything) OpenRoot(name string) (*os.Root, error)       { return os.OpenRoot(name) }

func (everything) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}
