package durability

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
)

const (
	// tick is more than the times of two tags may be off in a storage: S3 knows them to the second.
	tick = 2 * time.Second
	// lateness is how long before the end of its two grace periods a blob that no manifest lists may be missing.
	lateness = 200 * time.Millisecond
)

// Verify reads back all that is there, and returns each promise that is broken, or that was since the last time. It settles what became
// of requests without an answer. Nothing else may push to the load's repositories, and none of its own requests may be under way.
func (l *Load) Verify(ctx context.Context) []string {
	l.Counts.Dangling.Store(0)
	var all sync.WaitGroup
	for _, w := range l.workers {
		for _, r := range w.repos {
			all.Go(func() {
				v := &verifier{Load: l, repository: r, reader: reader{ctx: ctx, client: l.client, repository: r.name, seen: map[digest.Digest]bool{}}}
				v.blobs() // first, since their time runs out
				v.tags()
				v.manifests()
			})
		}
	}
	all.Wait()
	if ctx.Err() != nil {
		l.broken("it could not all be read: %v", ctx.Err())
	}
	return l.takeProblems()
}

// verifier verifies one repository.
type verifier struct {
	*Load
	repository *repository
	reader     reader
}

// blobs verifies those that no manifest lists: they stay for two grace periods.
func (v *verifier) blobs() {
	for d, began := range v.repository.blobs {
		if v.repository.needed(d) {
			continue
		}
		problem := v.reader.blob(d)
		age := time.Since(began)
		if age > 2*v.opts.Grace-lateness {
			delete(v.repository.blobs, d)
		} else if problem != "" {
			v.broken("%s, though it was acknowledged %s ago", problem, age)
		}
	}
}

// tags verifies that each names what it may, and that this is whole.
func (v *verifier) tags() {
	r := v.repository
	listed := v.reader.tags()
	for _, name := range listed {
		switch {
		case r.tags[name] != nil:
		case v.reader.gone(name):
			v.Counts.Dangling.Add(1)
		default:
			v.broken("%s:%s is there, and was never pushed", r.name, name)
		}
	}
	for name, t := range r.tags {
		d := v.named(name)
		if !t.may[d] {
			v.broken("%s:%s names %q, and should one of %v", r.name, name, d, slices.Collect(maps.Keys(t.may)))
		}
		if d != none && !slices.Contains(listed, name) {
			v.broken("%s:%s is not listed", r.name, name)
		}
		if d != none && r.manifests[d] != nil {
			r.manifests[d].state = max(r.manifests[d].state, maybe)
		}
		if d == none && slices.Contains(listed, name) {
			v.Counts.Dangling.Add(1)
		}
		t.may, t.acked = map[digest.Digest]bool{d: true}, t.acked || d != none
	}
	v.youngest()
	maps.DeleteFunc(r.tags, func(name string, t *tag) bool { return t.may[none] && !slices.Contains(listed, name) })
}

// named returns what a tag names, or none, and verifies that it is whole.
func (v *verifier) named(name string) digest.Digest {
	for {
		a := v.reader.client.get(v.reader.ctx, manifestPath(v.repository.name, name))
		if a.status != http.StatusOK {
			return none
		}
		d := digest.FromBytes(a.body)
		problem := v.reader.manifest(d.String())
		switch again := v.reader.client.get(v.reader.ctx, manifestPath(v.repository.name, name)); {
		case problem == "":
			return d
		case again.status == http.StatusOK:
			v.broken("tag %s is not whole: %s", name, problem)
			return d
		}
		// The tag was collected just now: look again.
	}
}

// youngest verifies that where tags go by themselves, the youngest is still there.
func (v *verifier) youngest() {
	r := v.repository
	if !r.is(Fleeting) {
		return
	}
	var acked, stays time.Time
	for _, t := range r.tags {
		if t.acked && t.moved.After(acked) {
			acked = t.moved
		}
		if !t.may[none] && t.moved.After(stays) {
			stays = t.moved
		}
	}
	if stays.Before(acked.Add(-tick)) {
		v.broken("%s: the youngest tag went; of those that are left, the youngest was pushed %s before", r.name, acked.Sub(stays))
	}
}

// manifests verifies that what was acknowledged is there, whole, and listed at its subject, and that what was deleted is not there.
func (v *verifier) manifests() {
	r := v.repository
	for d, m := range r.manifests {
		v.Counts.Verified.Add(1)
		switch m.state {
		case there:
			if problem := v.reader.manifest(d.String()); problem != "" {
				v.broken("it was acknowledged: %s", problem)
			}
		case maybe:
			m.state = v.resolved(d)
		case gone:
			if !v.reader.gone(d.String()) {
				v.broken("%s@%s was deleted, and is there", r.name, d)
			}
		}
	}
	r.letGo() // some of what is now known to be there may be collected later
	bySubject := map[digest.Digest]map[digest.Digest]bool{}
	for d, m := range r.manifests {
		if m.subject == none {
			continue
		}
		if bySubject[m.subject] == nil {
			bySubject[m.subject] = v.reader.referrers(m.subject)
		}
		listed := bySubject[m.subject][d]
		if m.state == there && !listed {
			v.broken("%s: %s refers to %s and is not listed", r.name, d, m.subject)
		}
		if m.state == gone && listed {
			v.broken("%s: %s is listed to refer to %s, and is gone", r.name, d, m.subject)
		}
	}
	maps.DeleteFunc(r.manifests, func(_ digest.Digest, m *manifest) bool { return m.state == gone })
}

// resolved finds out whether a manifest is there whose push or deletion had no answer, or that retention may have let go. If it is
// there, it must be whole.
func (v *verifier) resolved(d digest.Digest) state {
	if v.reader.gone(d.String()) {
		return gone
	}
	if problem := v.reader.manifest(d.String()); problem != "" {
		if v.reader.gone(d.String()) {
			return gone // just now
		}
		v.broken("a manifest is not whole: %s", problem)
	}
	return there
}
