package durability

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// fewTags is how many tags a repository has, so that they move often.
	fewTags = 4
	// fewManifests is how many manifests a repository has before some are deleted.
	fewManifests = 6
	// manyUnsure is how many manifests of a repository retention may have let go, before one in seldom steps looks which are gone.
	manyUnsure = 20
	seldom     = 10
)

// worker pushes to and deletes from repositories that are its own. Blobs are everybody's.
type worker struct {
	id      int
	workers int
	grace   time.Duration
	client  *client
	random  *rand.Rand
	layers  []blob
	counts  *Counts
	broken  func(format string, args ...any) // is told of promises that are broken
	repos   []*repository
	made    int
}

// step does one thing, until it is acknowledged or ctx ends.
func (w *worker) step(ctx context.Context) {
	r := w.repos[w.random.IntN(len(w.repos))]
	w.forget(r)
	full := len(w.inState(r, there)) > fewManifests
	switch n := w.random.IntN(100); {
	case full && !r.is(Fleeting):
		w.deleteManifest(ctx, r)
	case n < 40:
		w.push(ctx, r, w.image(nil), w.tagOf(r))
	case n < 52:
		w.pushIndex(ctx, r)
	case n < 62:
		w.pushReferrer(ctx, r)
	case n < 70:
		w.moveTag(ctx, r)
	case n < 80:
		w.deleteManifest(ctx, r)
	case n < 86:
		w.deleteTag(ctx, r)
	case n < 90:
		w.deleteBlob(r)
	case n < 92:
		w.ensure(r, w.layers[w.random.IntN(len(w.layers))])
	default:
		w.pull(ctx, r)
	}
}

// inState returns the manifests of a repository that are in a state, in an order that follows from the seed.
func (w *worker) inState(r *repository, s state) []*manifest {
	var all []*manifest
	for _, d := range slices.Sorted(maps.Keys(r.manifests)) {
		if m := r.manifests[d]; m.state == s {
			all = append(all, m)
		}
	}
	w.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// forget finds out what retention has let go, where that may be much: else Verify would look for everything that was ever pushed.
func (w *worker) forget(r *repository) {
	unsure := w.inState(r, maybe)
	if len(unsure) < manyUnsure || w.random.IntN(seldom) > 0 {
		return
	}
	for name, t := range r.tags {
		if t.may[none] && time.Since(t.moved) > w.grace && w.gone(r, name) {
			delete(r.tags, name)
		}
	}
	for _, m := range unsure {
		if !r.tagged(m.digest) && w.gone(r, m.digest.String()) {
			delete(r.manifests, m.digest)
		}
	}
}

// gone tells whether the registry says that a tag or manifest is not there.
func (w *worker) gone(r *repository, reference string) bool {
	return w.client.do(http.MethodHead, manifestPath(r.name, reference), map[string]string{"Accept": manifestTypes}, nil).status == http.StatusNotFound
}

func (w *worker) name() string {
	w.made++
	return fmt.Sprintf("worker %d, number %d", w.id, w.made)
}

// tagOf chooses the name of a tag: one of a few, or a new one in a repository whose tags go by themselves.
func (w *worker) tagOf(r *repository) string {
	if r.is(Fleeting) {
		w.made++
		return fmt.Sprintf("t%08d", w.made)
	}
	return fmt.Sprintf("t%d", w.random.IntN(fewTags))
}

func (w *worker) image(subject *ocispec.Descriptor) *manifest {
	var some []blob
	for range 1 + w.random.IntN(3) {
		some = append(some, w.layers[w.random.IntN(len(w.layers))])
	}
	return newImage(w.name(), some, subject)
}

// push sends all of a manifest, and then itself, under a tag unless that is empty.
func (w *worker) push(ctx context.Context, r *repository, m *manifest, name string) {
	for ctx.Err() == nil {
		switch w.tryPush(r, m, name) {
		case done:
			w.counts.Pushes.Add(1)
			return
		case refused:
			w.counts.Refused.Add(1) // something that it lists was collected meanwhile, so short is the grace period
		case doubtful:
			w.counts.Doubts.Add(1)
			pause()
		}
	}
}

// tryPush tries once.
func (w *worker) tryPush(r *repository, m *manifest, name string) outcome {
	for _, b := range m.blobs {
		if result := w.ensure(r, b); result != done {
			return result
		}
	}
	for _, listed := range m.lists {
		if result := w.tryPush(r, listed, ""); result != done {
			return result
		}
	}
	reference := name
	if reference == "" {
		reference = m.digest.String()
	}
	acknowledged, rejected := r.pushing(m, name)
	result := w.client.do(http.MethodPut, manifestPath(r.name, reference), map[string]string{"Content-Type": m.mediaType}, m.data).means(http.StatusCreated)
	switch result {
	case done:
		acknowledged()
	case refused:
		rejected()
	}
	return result
}

// pushIndex pushes an index of a new manifest and, in some cases, one that is there already.
func (w *worker) pushIndex(ctx context.Context, r *repository) {
	lists := []*manifest{w.image(nil)}
	if old := w.inState(r, there); len(old) > 0 && len(old[0].lists) == 0 && w.random.IntN(2) == 0 {
		lists = append(lists, old[0])
	}
	w.push(ctx, r, newIndex(w.name(), lists), w.tagOf(r))
}

// pushReferrer pushes a manifest that refers to one that is there, without a tag.
func (w *worker) pushReferrer(ctx context.Context, r *repository) {
	if subjects := w.inState(r, there); len(subjects) > 0 {
		subject := subjects[0].descriptor(subjects[0].mediaType)
		w.push(ctx, r, w.image(&subject), "")
	}
}

// moveTag pushes a manifest that is there under a tag.
func (w *worker) moveTag(ctx context.Context, r *repository) {
	if some := w.inState(r, there); len(some) > 0 {
		w.push(ctx, r, some[0], w.tagOf(r))
	}
}

// deleteManifest deletes one that no other lists.
func (w *worker) deleteManifest(ctx context.Context, r *repository) {
	for _, m := range w.inState(r, there) {
		if r.needed(m.digest) {
			continue
		}
		w.delete(ctx, manifestPath(r.name, m.digest.String()), r.deleting(m))
		return
	}
}

func (w *worker) deleteTag(ctx context.Context, r *repository) {
	for _, name := range slices.Sorted(maps.Keys(r.tags)) {
		if _, ok := r.tags[name].sure(); ok && w.random.IntN(2) == 0 {
			w.delete(ctx, manifestPath(r.name, name), r.untagging(name))
			return
		}
	}
}

// delete deletes what is there for sure.
func (w *worker) delete(ctx context.Context, path string, acknowledged func()) {
	for first := true; first || ctx.Err() == nil; first = false {
		a := w.client.do(http.MethodDelete, path, nil, nil)
		switch a.means(http.StatusAccepted) {
		case done:
			acknowledged()
			w.counts.Deletions.Add(1)
			return
		case refused:
			if first || a.status != http.StatusNotFound {
				w.broken("%s was acknowledged and could not be deleted: status %d", path, a.status)
			}
			acknowledged() // by a request whose answer was lost
			return
		}
		w.counts.Doubts.Add(1)
		pause()
	}
}

// deleteBlob deletes one that no manifest of the repository lists.
func (w *worker) deleteBlob(r *repository) {
	for _, d := range slices.Sorted(maps.Keys(r.blobs)) {
		if r.needed(d) {
			continue
		}
		delete(r.blobs, d)
		w.client.do(http.MethodDelete, blobPath(r.name, d), nil, nil)
		w.counts.Deletions.Add(1)
		return
	}
}

// pull reads all of a manifest that is there.
func (w *worker) pull(ctx context.Context, r *repository) {
	if some := w.inState(r, there); len(some) > 0 {
		w.counts.Pulls.Add(1)
		reader := reader{ctx: ctx, client: w.client, repository: r.name, seen: map[digest.Digest]bool{}}
		if problem := reader.manifest(some[0].digest.String()); problem != "" {
			w.broken("while all goes on: %s", problem)
		}
	}
}
