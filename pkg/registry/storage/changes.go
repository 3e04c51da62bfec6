package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

const (
	dirMode  = 0o750
	fileMode = 0o640
)

// changes are the directory entries that are on their way to the disk. What a change makes can be seen, and built upon,
// before it is there for good: a directory, a blob that need not be sent again. Therefore a change that ends waits for all
// that began before.
type changes struct {
	sync func(*os.File) error

	mu       sync.Mutex
	underway map[*change]struct{}
	// owed are directories that should have been synced and were not, each to be synced by whoever is next.
	owed map[string]struct{}
}

// change is one of them. Only its own goroutine uses it, but for done.
type change struct {
	dirs []string // whose entries have changed
	made []string // directories that were made, outermost first
	done chan struct{}
}

func newChanges(sync func(*os.File) error) *changes {
	return &changes{sync: sync, underway: map[*change]struct{}{}, owed: map[string]struct{}{}}
}

// do makes a change: what f has changed when it returns is on the disk when do returns, and so is all that f may have seen. Where f
// fails, the directories that it made are removed again, unless others use them already.
func (c *changes) do(f func(*change) error) error {
	one := c.begin()
	err := one.try(f)
	others := c.others(one)
	synced := c.syncOwed(one.dirs)
	c.end(one)
	if err != nil {
		return err
	}
	if synced != nil {
		return synced
	}
	for _, other := range others {
		<-other.done
	}
	return c.syncOwed(nil) // by those who could not, or need not
}

// later makes a change in an unfinished upload, which need not last. Only the directories above all uploads that it makes do,
// once others use them, who find them owed.
func (c *changes) later(f func(*change) error) error {
	one := c.begin()
	defer c.end(one)
	err := one.try(f)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, dir := range one.made {
		if !layout.IsUploads(dir) && !layout.IsUploads(filepath.Dir(dir)) {
			c.owed[filepath.Dir(dir)] = struct{}{}
		}
	}
	return err
}

func (c *changes) begin() *change {
	one := &change{done: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.underway[one] = struct{}{}
	return one
}

func (c *changes) end(one *change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.underway, one)
	close(one.done)
}

// others are the changes under way but one.
func (c *changes) others(one *change) []*change {
	c.mu.Lock()
	defer c.mu.Unlock()
	var others []*change
	for other := range c.underway {
		if other != one {
			others = append(others, other)
		}
	}
	return others
}

// syncOwed syncs dirs and those that are owed. What it could not sync is owed.
func (c *changes) syncOwed(dirs []string) error {
	c.mu.Lock()
	todo := maps.Clone(c.owed)
	c.mu.Unlock()
	for _, dir := range dirs {
		todo[dir] = struct{}{}
	}
	var failed []error
	for dir := range todo {
		err := c.syncDir(dir)
		c.mu.Lock()
		if err != nil {
			c.owed[dir] = struct{}{}
			failed = append(failed, err)
		} else {
			delete(c.owed, dir)
		}
		c.mu.Unlock()
	}
	return errors.Join(failed...)
}

// syncDir puts the entries of a directory on the disk. One that is gone has none.
func (c *changes) syncDir(dir string) error {
	file, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("syncing a directory: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	if err := c.sync(file); err != nil {
		return fmt.Errorf("syncing a directory: %w", err)
	}
	return nil
}

// try calls f, and removes the directories that it made if it fails.
func (c *change) try(f func(*change) error) error {
	err := f(c)
	if err != nil {
		for _, dir := range slices.Backward(c.made) {
			os.Remove(dir) //nolint:errcheck // others use it
		}
	}
	return err
}

// in says that an entry of dir changes.
func (c *change) in(dir string) { c.dirs = append(c.dirs, dir) }

// rename moves a file, to a directory that need not be there. Somebody may remove that directory as long as it is empty.
func (c *change) rename(source, dest string) error {
	for {
		if err := c.mkdirAll(filepath.Dir(dest)); err != nil {
			return err
		}
		err := os.Rename(source, dest)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, err := os.Lstat(source); err != nil {
			return err
		}
	}
}

// mkdirAll makes a directory, and those above it. The root of all is there.
func (c *change) mkdirAll(dir string) error {
	for {
		err := os.Mkdir(dir, dirMode)
		switch {
		case err == nil:
			c.made = append(c.made, dir)
			c.in(filepath.Dir(dir))
			return nil
		case errors.Is(err, fs.ErrExist):
			return nil
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		if err := c.mkdirAll(filepath.Dir(dir)); err != nil {
			return err
		}
	}
}
