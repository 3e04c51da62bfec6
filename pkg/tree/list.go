package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// MaxEntries is the number of entries beyond which [List] gives up with [ErrTooMany].
const MaxEntries = 10_000_000

var (
	// ErrTooMany is returned for a tree of more than [MaxEntries] entries.
	ErrTooMany = errors.New("too many entries")
	// ErrNotRegular is returned for something that is neither a regular file nor a directory.
	ErrNotRegular = errors.New("not a regular file")
)

// Listing is what [List] found.
type Listing struct {
	Entries []Entry `json:"entries,omitempty"`
	// Skipped names devices, FIFOs, sockets and the staging directories of writers: there, but not part of the tree.
	Skipped []Path `json:"skipped,omitempty"`
	// File is set when the listed path is a single regular file; its only entry is named by its base name.
	File bool `json:"file,omitempty"`
}

// List returns the entries below path, a directory, in the order of [Compare]: parents before children, bytewise. The
// directory itself has no entry. A path that is a regular file gives one entry, named by its base name.
//
// The path is absolute or relative to the working directory, and may be a symlink to either; symlinks in the tree are
// listed and never followed. The second and later names of one inode are hard links to the first. What vanishes between
// being seen and being looked at is left out.
//
// A path at which nothing is may be a pattern in the syntax of [path.Match], without a way to match across a slash. Then
// the entries are whatever matches, a directory with all below, and the directories that lead there, all named relative
// to the deepest directory before the first meta character. A symlink below that is listed if it matches and leads nowhere.
// A slash at the end matches directories only.
//
// It fails with fs.ErrNotExist if nothing is there or matches, with path.ErrBadPattern if the pattern is malformed, with
// [ErrNotRegular] if the path itself is a device or the like, with [ErrInvalidPath] if the tree is deeper than [MaxPath]
// bytes, and with [ErrTooMany]. Memory is about 300 bytes an entry; one descriptor is open for each level of depth.
func List(path string) (Listing, error) { return Place{Path: path}.List() }

func (p Place) list(limit int) (Listing, error) {
	var listing Listing
	err := p.within(func(at filesystem, path string) (err error) {
		listing, err = list(at, path, limit)
		return err
	})
	if err != nil {
		return Listing{}, fmt.Errorf("listing %s: %w", p, err)
	}
	return listing, nil
}

func list(at filesystem, path string, limit int) (Listing, error) {
	listing, err := listPath(at, path, limit)
	if !errors.Is(err, fs.ErrNotExist) {
		return listing, err
	}
	if p, ok := parsePattern(path); ok {
		return listMatches(at, p, limit)
	}
	return listing, err
}

// listPath lists what a path names as it is.
func listPath(at filesystem, path string, limit int) (Listing, error) {
	dir, err := at.OpenFile(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return listFile(at, path)
	case err != nil:
		return Listing{}, err
	}
	l := lister{limit: limit, first: map[inode]Path{}}
	err = l.dir(dir, "")
	return l.Listing, err
}

// listFile lists a path that is not a directory.
func listFile(at filesystem, path string) (Listing, error) {
	info, err := at.Stat(path)
	switch {
	case errors.Is(err, unix.ENOTDIR):
		return Listing{}, fs.ErrNotExist
	case err != nil:
		return Listing{}, err
	}
	e := infoEntry(Path(filepath.Base(path)), info)
	if e.Type != File {
		return Listing{}, ErrNotRegular
	}
	return Listing{Entries: []Entry{e}, File: true}, nil
}

type inode struct{ dev, ino uint64 }

type lister struct {
	Listing
	limit int
	first map[inode]Path // names of files that have several
}

// dir adds what the open directory f holds, and closes it.
func (l *lister) dir(f *os.File, prefix Path) error {
	defer f.Close() //nolint:errcheck // nothing was written
	names, err := l.names(f)
	if err != nil {
		return fmt.Errorf("%s: %w", orDot(prefix), err)
	}
	for _, name := range names {
		if err := l.name(int(f.Fd()), prefix.Join(name), name); err != nil {
			return err
		}
	}
	return nil
}

// names reads a directory in pieces, so that a bound is noticed before memory is gone.
func (l *lister) names(f *os.File) ([]string, error) {
	const piece = 4096
	var names []string
	for {
		more, err := f.Readdirnames(piece)
		names = append(names, more...)
		switch {
		case errors.Is(err, io.EOF):
			slices.Sort(names)
			return names, nil
		case err != nil:
			return nil, err
		case len(names)+len(l.Entries) > l.limit:
			return nil, fmt.Errorf("%w: more than %d", ErrTooMany, l.limit)
		}
	}
}

func (l *lister) name(dir int, p Path, name string) error {
	st, err := statAt(dir, name)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", p, err)
	}
	if err := ValidPath(p); err != nil {
		return err
	}
	if len(l.Entries) >= l.limit {
		return fmt.Errorf("%s: %w: more than %d", p, ErrTooMany, l.limit)
	}
	return l.entry(dir, name, entryOf(p, st), st.Nlink > 1)
}

func (l *lister) entry(dir int, name string, e Entry, several bool) error {
	switch {
	case e.Type == Dir && isStaging(Path(e.Path.Base())):
		l.Skipped = append(l.Skipped, e.Path)
	case e.Type == Dir:
		return l.enter(dir, name, e, func(f *os.File) error { return l.dir(f, e.Path) })
	case e.Type == Symlink:
		return l.symlink(dir, name, e)
	case e.Type == File:
		l.file(e, several)
	default:
		l.Skipped = append(l.Skipped, e.Path)
	}
	return nil
}

// enter adds a directory and then, by below, what is in it.
func (l *lister) enter(dir int, name string, e Entry, below func(*os.File) error) error {
	fd, err := openAt(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", e.Path, err)
	}
	l.Entries = append(l.Entries, e)
	return below(os.NewFile(uintptr(fd), string(e.Path)))
}

func (l *lister) symlink(dir int, name string, e Entry) error {
	buf := make([]byte, MaxPath+1)
	n := 0
	err := eintr(func() (err error) {
		n, err = unix.Readlinkat(dir, name, buf)
		return err
	})
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", e.Path, err)
	}
	e.Link = Path(buf[:n])
	l.Entries = append(l.Entries, e)
	return nil
}

func (l *lister) file(e Entry, several bool) {
	if several {
		id := inode{e.Dev, e.Ino}
		if first, ok := l.first[id]; ok {
			e.Type, e.Link, e.Size = Hardlink, first, 0
		} else {
			l.first[id] = e.Path
		}
	}
	l.Entries = append(l.Entries, e)
}

func orDot(p Path) Path {
	if p == "" {
		return "."
	}
	return p
}
