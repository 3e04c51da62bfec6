package transfer

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Addition is a file or directory that a [Patch] puts into an artifact. A directory is merged with what is there.
type Addition struct {
	Local string    // where it is here, as for [Directory]
	Path  tree.Path // where it goes
}

// amended is the tree of an artifact while it is changed.
type amended struct {
	entries  map[tree.Path]tree.Entry
	old      map[tree.Path]int       // files of the artifact, by their names now: positions in its index
	local    map[tree.Path]localFile // files that were added
	warnings []string
	now      time.Time
}

type localFile struct {
	place tree.Place
	path  tree.Path
}

// foreignDevice is the device of the files that are in the artifact alone: no kernel has one of that number.
const foreignDevice = ^uint64(0)

// oldFile is what a listing says of a file that only the artifact has, so that it is told from all others.
func oldFile(x artifact.Index, i int) tree.Entry {
	e := x.Entries[i].Entry
	e.Dev, e.Ino = foreignDevice, uint64(i)+1
	return e
}

func newAmended(x artifact.Index, now time.Time) *amended {
	a := &amended{
		entries: make(map[tree.Path]tree.Entry, len(x.Entries)), old: map[tree.Path]int{}, local: map[tree.Path]localFile{}, now: now,
	}
	for i, e := range x.Entries {
		a.entries[e.Path] = e.Entry
		if e.Type == tree.File {
			a.entries[e.Path] = oldFile(x, i)
			a.old[e.Path] = i
		}
	}
	return a
}

// remove takes away what the patterns match. Each has to match something, else it is [ErrNoMatch].
func (a *amended) remove(patterns []string) error {
	gone := map[tree.Path]bool{}
	for _, pattern := range patterns {
		matches, err := Globs(pattern)
		if err != nil {
			return err
		}
		before := len(gone)
		for p := range a.entries {
			if matches(p) {
				gone[p] = true
			}
		}
		if len(gone) == before {
			return fmt.Errorf("%w %q", ErrNoMatch, pattern)
		}
	}
	a.drop(gone)
	return nil
}

// drop takes paths away. The content of a file that has further names goes on under the first of them that stays.
func (a *amended) drop(gone map[tree.Path]bool) {
	heirs := map[tree.Path]tree.Path{}
	for _, p := range a.sorted() {
		e := a.entries[p]
		if e.Type != tree.Hardlink || gone[p] || !gone[e.Link] {
			continue
		}
		if heir, ok := heirs[e.Link]; ok {
			e.Link = heir
			a.entries[p] = e
			continue
		}
		heirs[e.Link] = p
		file := a.entries[e.Link]
		file.Path = p
		a.entries[p] = file
		if i, ok := a.old[e.Link]; ok {
			a.old[p] = i
		}
		if l, ok := a.local[e.Link]; ok {
			a.local[p] = l
		}
	}
	for p := range gone {
		delete(a.entries, p)
		delete(a.old, p)
		delete(a.local, p)
	}
}

func (a *amended) sorted() []tree.Path { return slices.SortedFunc(maps.Keys(a.entries), tree.Compare) }

// add puts a file or directory where it goes.
func (a *amended) add(what Addition) error {
	if err := tree.ValidPath(what.Path); err != nil {
		return fmt.Errorf("adding %s: %w", what.Local, err)
	}
	listing, err := tree.List(what.Local)
	if err != nil {
		return onTree(err)
	}
	for _, p := range listing.Skipped {
		a.warnings = append(a.warnings, warnings(leftOut, []tree.Path{p})...)
	}
	place := tree.Place{Path: what.Local}
	if listing.File {
		e := listing.Entries[0]
		name := e.Path
		e.Path = what.Path
		return a.put(e, localFile{place, name})
	}
	top, err := os.Stat(what.Local)
	if err != nil {
		return onTree(err)
	}
	if err := a.put(tree.Entry{Path: what.Path, Type: tree.Dir, Mode: uint32(top.Mode().Perm()), ModTime: top.ModTime().UTC()}, localFile{}); err != nil {
		return err
	}
	for _, e := range listing.Entries {
		name := e.Path
		e.Path = what.Path.Join(string(name))
		if e.Type == tree.Hardlink {
			e.Link = what.Path.Join(string(e.Link))
		}
		if err := a.put(e, localFile{place, name}); err != nil {
			return err
		}
	}
	return nil
}

// put adds or replaces one entry, with the directories that lead to it.
func (a *amended) put(e tree.Entry, from localFile) error {
	for dir := e.Path.Dir(); dir != "."; dir = dir.Dir() {
		switch there, ok := a.entries[dir]; {
		case !ok:
			a.entries[dir] = tree.Entry{Path: dir, Type: tree.Dir, Mode: 0o755, ModTime: a.now}
		case there.Type != tree.Dir:
			return fmt.Errorf("%q cannot be added: %q is no directory: %w", string(e.Path), string(dir), fs.ErrExist)
		}
	}
	there, ok := a.entries[e.Path]
	switch {
	case ok && there.Type == tree.Dir && e.Type != tree.Dir:
		return fmt.Errorf("%q is a directory in the artifact; remove it first: %w", string(e.Path), fs.ErrExist)
	case ok && there.Type != tree.Dir:
		a.drop(map[tree.Path]bool{e.Path: true})
	}
	a.entries[e.Path] = e
	if e.Type == tree.File {
		a.local[e.Path] = from
	}
	return nil
}

// listing returns the tree. One that is a single file stays one.
func (a *amended) listing(single bool) tree.Listing {
	var l tree.Listing
	for _, p := range a.sorted() {
		l.Entries = append(l.Entries, a.entries[p])
	}
	l.File = single && len(l.Entries) == 1 && l.Entries[0].Type == tree.File
	return l
}
