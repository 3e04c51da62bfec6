// Package sample makes trees of files whose whole content follows from a few numbers, so that whoever knows these can tell a
// tree that is whole from one that is not, wherever it was handed to. It uses nothing but the standard library: it is part
// of the image of the tests' steps.
package sample

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Tree stands for a directory of files with pseudorandom content.
type Tree struct {
	Seed  uint64
	Files int   // at least 1; five to a directory
	Bytes int64 // of each file
}

// Parse reads what [Tree.String] writes.
func Parse(text string) (Tree, error) {
	var t Tree
	if _, err := fmt.Sscanf(text, "%d/%d/%d", &t.Seed, &t.Files, &t.Bytes); err != nil {
		return t, fmt.Errorf("reading %q as SEED/FILES/BYTES: %w", text, err)
	}
	if t.Files < 1 || t.Bytes < 0 {
		return t, fmt.Errorf("reading %q as SEED/FILES/BYTES: a tree has a file, and a file no negative size", text)
	}
	return t, nil
}

// String is SEED/FILES/BYTES.
func (t Tree) String() string { return fmt.Sprintf("%d/%d/%d", t.Seed, t.Files, t.Bytes) }

// path is that of file i, relative to the tree.
func (t Tree) path(i int) string {
	return filepath.Join(fmt.Sprintf("d%d", i/5), fmt.Sprintf("f%d", i))
}

// content is that of file i, with no two blocks alike.
func (t Tree) content(i int) io.Reader {
	var key [32]byte
	copy(key[:], fmt.Sprintf("%d/%d", t.Seed, i))
	return io.LimitReader(rand.NewChaCha8(key), t.Bytes)
}

// Write makes the tree in dir, which is made if it is absent.
func (t Tree) Write(dir string) error {
	for i := range t.Files {
		path := filepath.Join(dir, t.path(i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := write(path, t.content(i)); err != nil {
			return err
		}
	}
	return nil
}

func write(path string, content io.Reader) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, content); err != nil {
		f.Close() //nolint:errcheck // the write says more
		return err
	}
	return f.Close()
}

// Check returns an error that says how dir differs from the tree, down to the last byte; nil if it does not.
func (t Tree) Check(dir string) error {
	left := map[string]int{}
	for i := range t.Files {
		left[t.path(i)] = i
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		i, known := left[name]
		if !known {
			return fmt.Errorf("%s does not belong to tree %s", name, t)
		}
		delete(left, name)
		return t.check(path, i)
	})
	if err == nil && len(left) > 0 {
		return fmt.Errorf("%d of the %d files of tree %s are missing", len(left), t.Files, t)
	}
	return err
}

// check compares a file with what file i must be.
func (t Tree) check(path string, i int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read from
	equal, err := same(f, t.content(i))
	if err == nil && !equal {
		err = fmt.Errorf("%s is not file %d of tree %s", path, i, t)
	}
	return err
}

func same(a, b io.Reader) (bool, error) {
	const block = 64 << 10
	x, y := make([]byte, block), make([]byte, block)
	for {
		n, errA := io.ReadFull(a, x)
		m, errB := io.ReadFull(b, y)
		switch {
		case !bytes.Equal(x[:n], y[:m]):
			return false, nil
		case errA == nil && errB == nil:
		case ended(errA) && ended(errB):
			return true, nil
		case !ended(errA) && errA != nil:
			return false, errA
		default:
			return false, errB
		}
	}
}

func ended(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF } //nolint:errorlint // io.ReadFull's own
