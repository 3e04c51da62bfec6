package durability

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// The kinds of repositories, each the first part of their names.
const (
	// Kept are repositories without a rule: a manifest stays until it is deleted.
	Kept = "durable-kept"
	// Trimmed are repositories whose untagged manifests are collected.
	Trimmed = "durable-trimmed"
	// Fleeting are repositories whose tags are collected too, except the youngest.
	Fleeting = "durable-fleeting"
)

// Rule is a rule of retention, with the keys of the registry's settings and of an OrasCache.
type Rule struct {
	Repositories string `json:"repositories"`
	TTL          string `json:"ttl,omitempty"`
	KeepLast     int    `json:"keepLast,omitempty"`
	Untagged     string `json:"untagged,omitempty"`
}

// Rules are the rules that the registry must have. They let things go once these are as old as after.
func Rules(after time.Duration) []Rule {
	return []Rule{
		{Repositories: Trimmed + "/**", Untagged: after.String()},
		{Repositories: Fleeting + "/**", TTL: after.String(), KeepLast: 1, Untagged: after.String()},
	}
}

// state is what is known of a manifest.
type state int

const (
	gone  state = iota // it was never pushed, or its deletion was acknowledged
	maybe              // a request is under way or broke off, or retention may have let it go
	there
)

// manifest is one that a worker made.
type manifest struct {
	blob
	mediaType string
	blobs     []blob      // what it lists that are blobs
	lists     []*manifest // what it lists that are manifests
	subject   digest.Digest
	state     state
}

// none stands for no manifest among those that a tag may name.
const none digest.Digest = ""

// tag is what is known of one.
type tag struct {
	may   map[digest.Digest]bool // what it may name
	moved time.Time              // when the last push of it began
	acked bool                   // that push was acknowledged
}

// sure returns what the tag names, if that is known.
func (t *tag) sure() (digest.Digest, bool) {
	if len(t.may) != 1 || t.may[none] {
		return none, false
	}
	for d := range t.may {
		return d, true
	}
	return none, false
}

// repository is what is known of one. It belongs to one worker.
type repository struct {
	name      string
	manifests map[digest.Digest]*manifest
	tags      map[string]*tag
	blobs     map[digest.Digest]time.Time // when the request began that acknowledged it last
}

func newRepository(kind string, worker int) *repository {
	return &repository{
		name: repositoryName(kind, worker), manifests: map[digest.Digest]*manifest{}, tags: map[string]*tag{},
		blobs: map[digest.Digest]time.Time{},
	}
}

func repositoryName(kind string, worker int) string { return fmt.Sprintf("%s/worker-%d", kind, worker) }

func (r *repository) is(kind string) bool { return strings.HasPrefix(r.name, kind+"/") }

// pushing notes that a manifest is being pushed, under a tag unless name is empty. The functions that it returns note that the push was
// acknowledged, or refused. Unless one of them is called, nobody knows what came of it.
func (r *repository) pushing(m *manifest, name string) (acknowledged, refused func()) {
	if known, ok := r.manifests[m.digest]; ok {
		m = known
	}
	before := m.state
	r.manifests[m.digest] = m
	m.state = max(m.state, maybe)
	var had *tag
	if name != "" {
		if t, ok := r.tags[name]; ok {
			had = &tag{maps.Clone(t.may), t.moved, t.acked}
		} else {
			r.tags[name] = &tag{may: map[digest.Digest]bool{none: true}}
		}
		r.tags[name].may[m.digest] = true
		r.tags[name].moved, r.tags[name].acked = time.Now(), false
		r.letGo()
	}
	acknowledged = func() {
		m.state = there
		for _, listed := range m.lists {
			r.manifests[listed.digest].state = there
		}
		if name != "" {
			r.tags[name].may, r.tags[name].acked = map[digest.Digest]bool{m.digest: true}, true
		}
		r.letGo()
	}
	refused = func() {
		m.state = min(m.state, before)
		switch {
		case had != nil:
			r.tags[name] = had
		case name != "":
			delete(r.tags, name)
		}
	}
	return acknowledged, refused
}

// deleting notes that a manifest is being deleted, and with it the tags that name it.
func (r *repository) deleting(m *manifest) (acknowledged func()) {
	m.state = maybe
	for _, t := range r.tags {
		if t.may[m.digest] {
			t.may[none] = true
		}
	}
	r.letGo()
	return func() {
		m.state = gone
		for _, t := range r.tags {
			delete(t.may, m.digest)
		}
	}
}

// untagging notes that a tag is being deleted.
func (r *repository) untagging(name string) (acknowledged func()) {
	r.tags[name].may[none] = true
	r.letGo()
	return func() { r.tags[name].may = map[digest.Digest]bool{none: true} }
}

// letGo notes which manifests retention may let go from now on: those that no tag keeps for sure.
func (r *repository) letGo() {
	if r.is(Kept) {
		return
	}
	if r.is(Fleeting) {
		for _, t := range r.tags {
			t.may[none] = true
		}
	}
	kept := map[digest.Digest]bool{}
	for _, t := range r.tags {
		if d, ok := t.sure(); ok {
			r.keep(d, kept)
		}
	}
	for d, m := range r.manifests {
		if m.state == there && !kept[d] {
			m.state = maybe
		}
	}
}

// keep adds to kept the manifests that one of them keeps: itself, what it lists, and what refers to it and may be there.
func (r *repository) keep(d digest.Digest, kept map[digest.Digest]bool) {
	m, ok := r.manifests[d]
	if !ok || kept[d] {
		return
	}
	kept[d] = true
	for _, listed := range m.lists {
		r.keep(listed.digest, kept)
	}
	for _, other := range r.manifests {
		if other.subject == d && other.state != gone {
			r.keep(other.digest, kept)
		}
	}
}

// tagged tells whether a tag may name a manifest.
func (r *repository) tagged(d digest.Digest) bool {
	for _, t := range r.tags {
		if t.may[d] {
			return true
		}
	}
	return false
}

// needed tells whether a manifest that may be there lists the digest.
func (r *repository) needed(d digest.Digest) bool {
	for _, m := range r.manifests {
		if m.state == gone {
			continue
		}
		for _, b := range m.blobs {
			if b.digest == d {
				return true
			}
		}
		for _, listed := range m.lists {
			if listed.digest == d {
				return true
			}
		}
	}
	return false
}
