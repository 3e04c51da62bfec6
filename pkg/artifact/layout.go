package artifact

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"unicode/utf8"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// ErrInvalidTree is wrapped by the error about a listing that is not a tree.
var ErrInvalidTree = errors.New("invalid tree")

// Layout says which layer holds what of a tree.
type Layout struct {
	// Entries is the tree in the order of tree.Compare.
	Entries []tree.Entry
	Layers  []Layer
	// Unseen names what is in the index alone, so that stock clients do not get it.
	Unseen []tree.Path
}

// Layer is one planned layer. Numbers are positions in the entries of the layout.
type Layer struct {
	Title   string
	Pack    bool  // a tar+gzip that is unpacked; else one file as it is
	Parents []int // directories that the pack repeats before its entries
	Entries []int // what it holds, in the order of the archive
}

// LayerOf returns for each entry the position of the layer that holds it, or [NoLayer].
func (l Layout) LayerOf() []int {
	holder := slices.Repeat([]int{NoLayer}, len(l.Entries))
	for i, layer := range l.Layers {
		for _, e := range layer.Entries {
			holder[e] = i
		}
	}
	return holder
}

// Size returns the number of bytes in the files of a layer.
func (l Layout) Size(layer Layer) int64 {
	var sum int64
	for _, e := range layer.Entries {
		sum += l.Entries[e].Size
	}
	return sum
}

// NewLayout plans the layers for a listing, which may come from anyone: what is not a tree is [ErrInvalidTree]. The same
// listing gives the same layout; times, inodes and the order of the entries make no difference to it. The entries are taken
// over: a large tree should be in memory once.
func NewLayout(listing tree.Listing, c Compression) (Layout, error) {
	entries := normal(listing.Entries)
	if err := checkEntries(slices.Values(entries)); err != nil {
		return Layout{}, fmt.Errorf("%w: %w", ErrInvalidTree, err)
	}
	p := planner{
		Layout:    Layout{Entries: entries},
		threshold: threshold(entries),
		spellings: map[string]int{},
	}
	if listing.File {
		p.threshold = 0
	}
	p.packAll = c == Gzip
	p.large()
	p.small()
	p.hardlinks()
	p.symlinks()
	for i := range p.Layers {
		p.repeatParents(&p.Layers[i])
	}
	slices.SortFunc(p.Unseen, tree.Compare)
	return p.Layout, nil
}

// normal sorts entries and takes away what an artifact does not hold.
func normal(entries []tree.Entry) []tree.Entry {
	for i, e := range entries {
		switch e.Type {
		case tree.Symlink:
			entries[i].Mode = 0
		case tree.Hardlink:
			entries[i] = tree.Entry{Path: e.Path, Type: e.Type, Link: e.Link}
		}
	}
	slices.SortFunc(entries, func(a, b tree.Entry) int { return tree.Compare(a.Path, b.Path) })
	return entries
}

// threshold returns the size from which a file is a layer of its own, such that at most MaxRawLayers are.
func threshold(entries []tree.Entry) int64 {
	for limit := int64(LargeFile); ; limit *= 2 {
		count := 0
		for _, e := range entries {
			if e.Type == tree.File && e.Size >= limit {
				count++
			}
		}
		if count <= MaxRawLayers {
			return limit
		}
	}
}

type planner struct {
	Layout
	threshold int64
	packAll   bool
	spellings map[string]int // packs so far of each directory
}

// isLarge reports whether an entry has a layer of its own.
func (p *planner) isLarge(e tree.Entry) bool { return e.Type == tree.File && e.Size >= p.threshold }

// isPacked reports whether an entry shares a pack with others of its subtree.
func (p *planner) isPacked(e tree.Entry) bool {
	return e.Type == tree.Dir || e.Type == tree.File && !p.isLarge(e)
}

// isOdd reports whether stock clients would lose something of a raw layer: the mode or the name.
func isOdd(e tree.Entry) bool { return e.Mode&0o111 != 0 || !utf8.ValidString(string(e.Path)) }

// large plans the layers of large files.
func (p *planner) large() {
	for i, e := range p.Entries {
		switch {
		case !p.isLarge(e):
		case p.packAll || isOdd(e):
			p.pack(e.Path.Dir(), []int{i})
		default:
			p.Layers = append(p.Layers, Layer{Title: string(e.Path), Entries: []int{i}})
		}
	}
}

// small plans the packs of directories and small files.
func (p *planner) small() {
	g := newGrouper(p.Entries, p.isPacked)
	for _, group := range g.groups() {
		p.pack(group.dir, group.entries)
	}
}

// hardlinks adds hard links to the packs of their files, where those reach.
func (p *planner) hardlinks() {
	holder, at := p.LayerOf(), map[tree.Path]int{}
	for i, e := range p.Entries {
		switch e.Type {
		case tree.File:
			at[e.Path] = holder[i]
		case tree.Hardlink:
			layer := &p.Layers[at[e.Link]]
			if !layer.Pack || !e.Path.Beneath(Unspelled(layer.Title)) {
				p.Unseen = append(p.Unseen, e.Path)
				continue
			}
			layer.Entries = append(layer.Entries, i)
		}
	}
}

// symlinks adds the symlinks that stay inside to the only pack or to one of their own.
func (p *planner) symlinks() {
	inside, unseen := orderLinks(p.Entries)
	for _, i := range unseen {
		p.Unseen = append(p.Unseen, p.Entries[i].Path)
	}
	if len(inside) == 0 {
		return
	}
	if only := p.onlyPack(); only != nil && only.Title == "." {
		only.Entries = append(only.Entries, inside...)
		return
	}
	p.pack(".", inside)
}

// onlyPack returns the pack of a tree that has one pack.
func (p *planner) onlyPack() *Layer {
	var only *Layer
	for i := range p.Layers {
		switch {
		case !p.Layers[i].Pack:
		case only != nil:
			return nil
		default:
			only = &p.Layers[i]
		}
	}
	return only
}

// pack plans one more pack for a directory.
func (p *planner) pack(dir tree.Path, entries []int) {
	for !utf8.ValidString(string(dir)) {
		dir = dir.Dir()
	}
	n := p.spellings[string(dir)]
	p.spellings[string(dir)]++
	p.Layers = append(p.Layers, Layer{Title: spell(string(dir), n), Pack: true, Entries: entries})
}

// repeatParents adds the directories that a pack repeats.
func (p *planner) repeatParents(layer *Layer) {
	if !layer.Pack {
		return
	}
	entries := make([]tree.Entry, len(layer.Entries))
	for n, i := range layer.Entries {
		entries[n] = p.Entries[i]
	}
	for _, dir := range Repeated(layer.Title, slices.Values(entries)) {
		layer.Parents = append(layer.Parents, p.find(dir))
	}
}

// Repeated returns the directories that a pack repeats before its entries, in order: those between its title and an entry
// that it does not hold.
func Repeated(title string, entries iter.Seq[tree.Entry]) []tree.Path {
	top := Unspelled(title)
	have := map[tree.Path]bool{".": true, top: true}
	for e := range entries {
		if e.Type == tree.Dir {
			have[e.Path] = true
		}
	}
	var dirs []tree.Path
	for e := range entries {
		for dir := e.Path.Dir(); !have[dir] && dir.Beneath(top); dir = dir.Dir() {
			have[dir] = true
			dirs = append(dirs, dir)
		}
	}
	slices.SortFunc(dirs, tree.Compare)
	return dirs
}

// find returns the position of a path that is known to be in the tree.
func (p *planner) find(path tree.Path) int {
	i, _ := slices.BinarySearchFunc(p.Entries, path, func(e tree.Entry, want tree.Path) int {
		return tree.Compare(e.Path, want)
	})
	return i
}
