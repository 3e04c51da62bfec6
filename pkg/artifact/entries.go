package artifact

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// maxFile is far above every file system's limit and keeps sums of sizes from overflowing.
const maxFile = 1 << 50

// maxBytes is the same for all files together.
const maxBytes = 1 << 60

// checkEntries sees that entries form a tree: valid paths in strictly ascending order, each in a directory that came
// before, each hard link to a file that came before.
func checkEntries(entries iter.Seq[tree.Entry]) error {
	c := checker{files: map[tree.Path]bool{}}
	for e := range entries {
		if err := c.next(e); err != nil {
			return fmt.Errorf("%q: %w", string(e.Path), err)
		}
	}
	return nil
}

type checker struct {
	last  tree.Path
	dirs  []tree.Path // the directories that the last entry is in, and itself if it is one
	files map[tree.Path]bool
	count int
	bytes int64
}

func (c *checker) next(e tree.Entry) error {
	if err := tree.ValidPath(e.Path); err != nil {
		return err
	}
	if c.count++; c.count > tree.MaxEntries {
		return tree.ErrTooMany
	}
	if c.last != "" && tree.Compare(c.last, e.Path) >= 0 {
		return fmt.Errorf("it does not come after %q", string(c.last))
	}
	c.last = e.Path
	if err := c.parent(e); err != nil {
		return err
	}
	if e.Mode > 0o7777 {
		return fmt.Errorf("mode %o", e.Mode)
	}
	if e.Size < 0 || e.Size > maxFile || e.Size > 0 && e.Type != tree.File {
		return fmt.Errorf("size %d of a %s", e.Size, e.Type)
	}
	if c.bytes += e.Size; c.bytes > maxBytes {
		return errors.New("the tree has more bytes than can be")
	}
	return c.kind(e)
}

func (c *checker) parent(e tree.Entry) error {
	for len(c.dirs) > 0 && !e.Path.Beneath(c.dirs[len(c.dirs)-1]) {
		c.dirs = c.dirs[:len(c.dirs)-1]
	}
	want, have := e.Path.Dir(), tree.Path(".")
	if len(c.dirs) > 0 {
		have = c.dirs[len(c.dirs)-1]
	}
	if want != have {
		return fmt.Errorf("its parent is no directory of the tree")
	}
	return nil
}

func (c *checker) kind(e tree.Entry) error {
	switch e.Type {
	case tree.File:
		c.files[e.Path] = true
	case tree.Dir:
		c.dirs = append(c.dirs, e.Path)
	case tree.Symlink:
		return checkText(e.Link)
	case tree.Hardlink:
		if !c.files[e.Link] {
			return fmt.Errorf("hard link to %q, which is no earlier file", string(e.Link))
		}
	default:
		return fmt.Errorf("type %q", e.Type)
	}
	return nil
}

func checkText(text tree.Path) error {
	if text == "" || len(text) > tree.MaxPath || strings.IndexByte(string(text), 0) >= 0 {
		return errors.New("symlink whose text is empty, too long or holds a NUL")
	}
	return nil
}

func entriesOf(entries []Entry) iter.Seq[tree.Entry] {
	return func(yield func(tree.Entry) bool) {
		for _, e := range entries {
			if !yield(e.Entry) {
				return
			}
		}
	}
}
