package collect

import (
	"slices"

	"github.com/opencontainers/go-digest"
)

// connect notes what the things of a repository keep. A manifest that is there but not among the known ones cannot be read.
func (v *view) connect(name string, repo *repository, known map[digest.Digest]content) {
	for _, other := range repo.others {
		n := blobNode(other.of)
		if repo.revisions[other.of] || !repo.layers[other.of] {
			n = manifestNode(name, other.of)
		}
		v.thing(n).link(other.dir, other.written)
		if n.kind == manifestKind && !repo.revisions[other.of] {
			v.thing(n).broken = true
		}
	}
	for d := range repo.revisions {
		n := manifestNode(name, d)
		t := v.thing(n)
		c, ok := known[d]
		switch {
		case ok:
			v.keeps(t, name, d, c)
			if subject, there := v.things[manifestNode(name, v.named(c.subject))]; there && c.subject != "" {
				subject.keeps = append(subject.keeps, n)
			}
		case v.data(d):
			t.keeps = append(t.keeps, blobNode(d))
			for layer := range repo.layers {
				t.keeps = append(t.keeps, blobNode(layer))
			}
		default:
			t.broken = true
		}
	}
	for tag, found := range repo.tags {
		t := v.thing(tagNode(name, tag))
		if !found.whole {
			// A push has perhaps just begun. One that is whole is as old as its current link, even where a deletion or a push that
			// was killed has changed something else of it: else it would take a younger one's place.
			t.touch(found.changed)
			for _, was := range found.was {
				t.touch(was.written)
			}
		}
		targets := v.formerly(name, repo, found) // what it names is one of these
		if found.current != "" {
			targets = []digest.Digest{found.current}
		}
		t.broken = true
		for _, d := range targets {
			t.keeps = append(t.keeps, manifestNode(name, v.named(d)))
			t.broken = t.broken && (!found.whole || !repo.revisions[v.named(d)])
		}
	}
}

// formerly returns what a tag has ever named. Its links to that go with the manifests, as else they would grow with each move of the tag.
func (v *view) formerly(name string, repo *repository, tag *tagFound) []digest.Digest {
	var all []digest.Digest
	for _, was := range tag.was {
		all = append(all, was.of)
		t := v.thing(manifestNode(name, v.named(was.of)))
		t.link(was.dir, was.written)
		t.broken = t.broken || !repo.revisions[v.named(was.of)]
	}
	return all
}

// keeps notes what a manifest of a repository keeps: its own data, and all that it lists, each as a manifest and as a blob, since an
// entry may be either.
func (v *view) keeps(t *thing, name string, d digest.Digest, c content) {
	t.keeps = append(t.keeps, blobNode(d))
	for _, listed := range c.lists {
		listed = v.named(listed)
		t.keeps = append(t.keeps, blobNode(listed), manifestNode(name, listed))
	}
}

// named returns the digest by which the blob store has what d names.
func (v *view) named(d digest.Digest) digest.Digest {
	if target, ok := v.aliases[d]; ok {
		return target
	}
	return d
}

// data tells whether there is data with that digest.
func (v *view) data(d digest.Digest) bool {
	t, there := v.things[blobNode(d)]
	return there && t.data != ""
}

// count counts what can be pulled: no link to nothing, and no tag of one.
func (v *view) count() {
	repositories := map[string]bool{}
	names := func(n node) bool {
		t, there := v.things[n]
		return there && !t.broken
	}
	for n, t := range v.things {
		switch {
		case n.kind == tagKind && !t.broken && slices.ContainsFunc(t.keeps, names):
			v.counts.tags++
		case n.kind == manifestKind && !t.broken:
			v.counts.manifests++
			repositories[n.repo] = true
		}
	}
	v.counts.repositories = len(repositories)
}
