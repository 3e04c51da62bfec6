package artifact

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

const (
	tarBlock  = 512     // bytes of a tar header, and what contents are rounded up to
	groupMin  = 4 << 20 // bytes from which a group may end early
	groupStep = 2 << 20 // bytes after which it then ends on average
)

// group is what one pack is to hold.
type group struct {
	dir     tree.Path
	entries []int
}

// grouper cuts a tree into packs by subtree. See "What goes where" in README.md.
type grouper struct {
	entries []tree.Entry
	packed  func(tree.Entry) bool
	sums    []int64 // sums[i] is the weight of the first i entries
	ends    []int   // ends[i] is where the subtree of entry i ends
	done    []group
	limit   int64
}

func newGrouper(entries []tree.Entry, packed func(tree.Entry) bool) *grouper {
	g := &grouper{entries: entries, packed: packed, limit: PackSize}
	g.sums = make([]int64, len(entries)+1)
	g.ends = make([]int, len(entries))
	var open []int
	for i, e := range entries {
		g.sums[i+1] = g.sums[i] + g.weigh(e)
		for len(open) > 0 && !e.Path.Beneath(entries[open[len(open)-1]].Path) {
			g.ends[open[len(open)-1]] = i
			open = open[:len(open)-1]
		}
		open = append(open, i)
	}
	for _, i := range open {
		g.ends[i] = len(entries)
	}
	return g
}

// weigh returns what an entry adds to the tar of a pack.
func (g *grouper) weigh(e tree.Entry) int64 {
	if !g.packed(e) {
		return 0
	}
	return tarBlock + (e.Size+tarBlock-1)/tarBlock*tarBlock
}

func (g *grouper) groups() []group {
	if g.sums[len(g.entries)] <= g.limit {
		g.close(".", [][2]int{{0, len(g.entries)}})
	} else {
		g.split(".", 0, 0, len(g.entries))
	}
	return g.done
}

// split groups what lies in a directory that is too large for one pack: the entries from lo up to hi. Those from own up
// to lo are the directory's own entry; they open the first group.
func (g *grouper) split(dir tree.Path, own, lo, hi int) {
	open := [][2]int{{own, lo}}
	size := g.sums[lo] - g.sums[own]
	for i := lo; i < hi; i = g.ends[i] {
		end, child := g.ends[i], g.entries[i].Path
		weight := g.sums[end] - g.sums[i]
		if weight > g.limit && end > i+1 {
			g.split(child, i, i+1, end)
			continue
		}
		if size+weight > g.limit || size >= groupMin && cut(child, weight) {
			g.close(dir, open)
			open, size = nil, 0
		}
		open, size = append(open, [2]int{i, end}), size+weight
	}
	g.close(dir, open)
}

// cut decides by its name whether a group ends before a child.
func cut(child tree.Path, weight int64) bool {
	sum := sha256.Sum256([]byte(child))
	fraction := float64(binary.BigEndian.Uint64(sum[:])) / (1 << 64)
	return fraction < float64(weight)/groupStep
}

// close makes a group of runs of entries, if they hold anything that is packed.
func (g *grouper) close(dir tree.Path, runs [][2]int) {
	var entries []int
	for _, run := range runs {
		for i := run[0]; i < run[1]; i++ {
			if g.packed(g.entries[i]) {
				entries = append(entries, i)
			}
		}
	}
	if len(entries) == 0 {
		return
	}
	first := g.entries[entries[0]]
	if first.Type == tree.Dir && g.entries[entries[len(entries)-1]].Path.Beneath(first.Path) {
		dir = first.Path
	}
	g.done = append(g.done, group{dir: dir, entries: entries})
}
