package api

import (
	"context"
	"errors"
	"hash/maphash"
	"net/http"
	"path"
	"sync"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// tagsAtOnce is how many tags are looked at at a time to find those of a manifest.
const tagsAtOnce = 16

// deleteManifest answers a DELETE of a manifest or tag. A manifest goes by all its names, and so do its tags and what is known of it as a
// referrer. The library would look at all tags before it removes the first, and so would remove those that are moved meanwhile.
func (h *handler) deleteManifest(w http.ResponseWriter, req *http.Request, at place) {
	d, err := digest.Parse(at.ref)
	if err != nil {
		h.library.ServeHTTP(w, req)
		return
	}
	ctx := req.Context()
	canonical, err := h.resolve(ctx, layout.Revision, at.name, d)
	if err != nil {
		fail(w, err)
		return
	}
	if canonical == "" {
		refuse(w, errcode.ErrorCodeManifestUnknown, d)
		return
	}
	// Its data tells its other names, and its subject.
	data, err := h.driver.GetContent(ctx, layout.BlobData(canonical))
	if isMissing(err) {
		refuse(w, errcode.ErrorCodeManifestUnknown, d)
		return
	}
	if err == nil {
		err = h.deleteData(ctx, at.name, canonical, data)
	}
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
}

// deleteData removes a manifest from a repository, and then all that leads to it there.
func (h *handler) deleteData(ctx context.Context, name string, canonical digest.Digest, data []byte) error {
	err := h.alone(name, func() error { return h.remove(ctx, layout.Revision(name, canonical)) })
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // the client may be gone, but the manifest is too
	return errors.Join(h.untag(ctx, name, canonical), h.forget(ctx, name, canonical, data))
}

// untag removes the tags that name a manifest which was deleted.
func (h *handler) untag(ctx context.Context, name string, canonical digest.Digest) error {
	tags, err := h.list(ctx, layout.Tags(name))
	if err != nil {
		return err
	}
	var each errgroup.Group
	each.SetLimit(tagsAtOnce)
	for _, dir := range tags {
		each.Go(func() error {
			tag := path.Base(dir)
			current, err := h.readLink(ctx, layout.TagCurrent(name, tag))
			if err != nil || current != canonical {
				return err
			}
			return h.untagOne(ctx, name, tag, canonical)
		})
	}
	return each.Wait()
}

// untagOne removes a tag, unless it has been moved.
func (h *handler) untagOne(ctx context.Context, name, tag string, canonical digest.Digest) error {
	return h.unlessBack(ctx, name, canonical, func() error {
		current, err := h.readLink(ctx, layout.TagCurrent(name, tag))
		if err != nil || current != canonical {
			return err
		}
		return h.remove(ctx, layout.Tag(name, tag))
	})
}

// unlessBack calls remove while nobody pushes to the repository name here, unless the manifest is back already: then what leads to it was
// pushed with it. Another replica may push meanwhile, so remove takes no longer than it must.
func (h *handler) unlessBack(ctx context.Context, name string, canonical digest.Digest, remove func() error) error {
	return h.alone(name, func() error {
		back, err := h.readLink(ctx, layout.Revision(name, canonical))
		if err != nil || back != "" {
			return err
		}
		return remove()
	})
}

// alone calls f while no manifest is pushed to the repository name through this process.
func (h *handler) alone(name string, f func() error) error {
	pushes := h.pushes.of(name)
	pushes.Lock()
	defer pushes.Unlock()
	return f()
}

// forget removes the other names of a manifest that was deleted, and the links from its subject.
func (h *handler) forget(ctx context.Context, name string, canonical digest.Digest, data []byte) error {
	names := []digest.Digest{canonical}
	for _, algorithm := range others() {
		d := algorithm.FromBytes(data)
		names = append(names, d)
		err := h.unlessBack(ctx, name, canonical, func() error { return h.remove(ctx, layout.Revision(name, d)) })
		if err != nil {
			return err
		}
	}
	c, err := parseContent(data)
	if err != nil || c.subject() == "" {
		return nil //nolint:nilerr // what is no manifest refers to nothing
	}
	for _, d := range names {
		if err := h.unrefer(ctx, name, c.subject(), d, canonical); err != nil {
			return err
		}
	}
	return nil
}

// locks are for repositories, some of which share one.
type locks struct {
	seed maphash.Seed
	all  [64]sync.RWMutex
}

func (l *locks) of(repository string) *sync.RWMutex {
	return &l.all[maphash.String(l.seed, repository)%uint64(len(l.all))]
}
