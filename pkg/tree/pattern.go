package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// pattern is a path with meta characters in it.
type pattern struct {
	base  string   // the deepest directory before the first of them; what matches is named relative to it
	parts []string // of the names below base, one for each level; the last is empty if only directories are meant
}

// parsePattern takes a path in the syntax of [path.Match] apart. It reports false for one without meta characters.
func parsePattern(text string) (pattern, bool) {
	meta := strings.IndexAny(text, `*?[\`)
	if meta < 0 {
		return pattern{}, false
	}
	rest := strings.LastIndexByte(text[:meta], '/') + 1
	p := pattern{base: text[:rest]}
	if p.base == "" {
		p.base = "."
	}
	for part := range strings.SplitSeq(text[rest:], "/") {
		if part != "" && part != "." {
			p.parts = append(p.parts, part)
		}
	}
	if strings.HasSuffix(text, "/") {
		p.parts = append(p.parts, "")
	}
	return p, true
}

// check refuses what can match nothing for the way it is written.
func (p pattern) check() error {
	for _, part := range p.parts {
		if part == ".." {
			return fmt.Errorf("%w: a component of a pattern is %q", ErrInvalidPath, part)
		}
		if _, err := path.Match(part, ""); err != nil {
			return fmt.Errorf("%q: %w", part, err)
		}
	}
	return nil
}

// listMatches lists whatever a pattern matches, with the directories on the way to it.
func listMatches(at filesystem, p pattern, limit int) (Listing, error) {
	if err := p.check(); err != nil {
		return Listing{}, err
	}
	dir, err := at.OpenFile(p.base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return Listing{}, fs.ErrNotExist
	case err != nil:
		return Listing{}, err
	}
	l := lister{limit: limit, first: map[inode]Path{}}
	if err := l.match(dir, "", p.parts); err != nil {
		return Listing{}, err
	}
	if l.count() == 0 {
		return Listing{}, fs.ErrNotExist
	}
	return l.Listing, nil
}

// match adds what the first of parts matches in the open directory f, and closes it.
func (l *lister) match(f *os.File, prefix Path, parts []string) error {
	defer f.Close() //nolint:errcheck // nothing was written
	names, err := l.names(f)
	if err != nil {
		return fmt.Errorf("%s: %w", orDot(prefix), err)
	}
	for _, name := range names {
		if matches, _ := path.Match(parts[0], name); !matches { // the pattern was checked
			continue
		}
		if err := l.matched(int(f.Fd()), prefix.Join(name), name, parts[1:]); err != nil {
			return err
		}
	}
	return nil
}

// matched adds a name that a part of the pattern matches: whole if it was the last, else for what the rest matches in it.
func (l *lister) matched(dir int, p Path, name string, rest []string) error {
	if len(rest) == 0 {
		return l.name(dir, p, name)
	}
	st, err := statAt(dir, name)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", p, err)
	}
	e := entryOf(p, st)
	if e.Type != Dir || isStaging(p) {
		return nil
	}
	if rest[0] == "" {
		return l.name(dir, p, name)
	}
	before := l.count()
	err = l.enter(dir, name, e, func(f *os.File) error { return l.match(f, p, rest) })
	if l.count() == before+1 {
		l.Entries = l.Entries[:len(l.Entries)-1] // the directory alone: nothing in it matches
	}
	return err
}

func (l *lister) count() int { return len(l.Entries) + len(l.Skipped) }
