package collect

import (
	"time"
)

// snapshot is what a look found.
type snapshot struct {
	now    time.Time // before the look, by the clock of the storage
	things map[node]*thing
	counts counts
}

// thing is a node that is there.
type thing struct {
	// young is when it was last written: the youngest of its links and its data.
	young time.Time
	// keeps are the nodes that stay as long as it does, whether they are there or not.
	keeps []node
	// broken says that it is a link to nothing, which goes unless something keeps it.
	broken bool
	// links are the directories to remove first, data the one to remove last; data is empty where there is none.
	links []string
	data  string
	size  int64 // of the data, in bytes
}

// counts are the sizes of a snapshot.
type counts struct {
	repositories, tags, manifests, blobs int
	bytes                                int64
}

// thing returns the one of n, made if it was not there.
func (s *snapshot) thing(n node) *thing {
	t, ok := s.things[n]
	if !ok {
		t = &thing{}
		s.things[n] = t
	}
	return t
}

// link notes a link of t, with when it was written.
func (t *thing) link(dir string, written time.Time) {
	t.links = append(t.links, dir)
	t.touch(written)
}

func (t *thing) touch(written time.Time) {
	if written.After(t.young) {
		t.young = written
	}
}

// reach returns what is there and kept by roots, directly or not, and they themselves.
func (s *snapshot) reach(roots []node) map[node]bool {
	kept := make(map[node]bool, len(s.things))
	todo := roots
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		t, there := s.things[n]
		if !there || kept[n] {
			continue
		}
		kept[n] = true
		todo = append(todo, t.keeps...)
	}
	return kept
}

// but returns what is there and not kept by anything that satisfies root.
func (s *snapshot) but(root func(node, *thing) bool) map[node]bool {
	var roots []node
	for n, t := range s.things {
		if root(n, t) {
			roots = append(roots, n)
		}
	}
	kept := s.reach(roots)
	rest := map[node]bool{}
	for n := range s.things {
		if !kept[n] {
			rest[n] = true
		}
	}
	return rest
}
