package durability

import (
	"github.com/opencontainers/go-digest"
)

// Live returns the blobs that are kept, and their sizes in bytes, as of the last [Load.Verify]: all that a tag reaches and, where there is no
// rule, all that any manifest does.
func (l *Load) Live() map[digest.Digest]int64 {
	live := map[digest.Digest]int64{}
	for _, w := range l.workers {
		for _, r := range w.repos {
			r.live(live)
		}
	}
	return live
}

func (r *repository) live(live map[digest.Digest]int64) {
	kept := map[digest.Digest]bool{}
	for _, t := range r.tags {
		for d := range t.may {
			r.keep(d, kept)
		}
	}
	if r.is(Kept) {
		for d, m := range r.manifests {
			if m.state != gone {
				r.keep(d, kept)
			}
		}
	}
	for d := range kept {
		m := r.manifests[d]
		live[d] = int64(len(m.data))
		for _, b := range m.blobs {
			live[b.digest] = int64(len(b.data))
		}
	}
}
