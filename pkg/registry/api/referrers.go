package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

const (
	// referrersPage is the most referrers that are looked at for one answer.
	referrersPage = 256
	// referrersBytes is how many bytes an answer may have before it ends: a client need not take an index that is larger.
	referrersBytes = maxManifest
	// readers is how many manifests are read at a time.
	readers = 16
)

// serveReferrers lists the manifests that refer to one, which need not be there.
func (h *handler) serveReferrers(w http.ResponseWriter, req *http.Request, at place) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, errcode.ErrorCodeUnsupported, req.Method)
		return
	}
	subject, err := digest.Parse(at.ref)
	if err != nil {
		refuse(w, errcode.ErrorCodeDigestInvalid, err.Error())
		return
	}
	query := req.URL.Query()
	list, next, err := h.referrers(req.Context(), at.name, subject, digest.Digest(query.Get("last")), query.Get("artifactType"))
	if err != nil {
		fail(w, err)
		return
	}
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: list}
	body, err := json.Marshal(index)
	if err != nil {
		fail(w, fmt.Errorf("writing a list of referrers: %w", err))
		return
	}
	header := w.Header()
	header.Set("Content-Type", ocispec.MediaTypeImageIndex)
	header.Set("Docker-Distribution-Api-Version", "registry/2.0")
	if query.Get("artifactType") != "" {
		header.Set("OCI-Filters-Applied", "artifactType")
	}
	if next != "" {
		query.Set("last", next.String())
		link := url.URL{Path: req.URL.Path, RawQuery: query.Encode()}
		header.Set("Link", fmt.Sprintf("<%s>; rel=\"next\"", link.String()))
	}
	_, _ = w.Write(body) // who asked is gone
}

// referrers returns those that come after last, in the order of their digests, and that are of artifactType unless it is empty. Where there are more
// than fit in one answer, next is the last that was looked at.
func (h *handler) referrers(ctx context.Context, name string, subject, last digest.Digest, artifactType string) (list []ocispec.Descriptor, next digest.Digest, err error) {
	unwritten, err := h.complete(ctx, name)
	if err != nil {
		return nil, "", err
	}
	found, err := h.digestsIn(ctx, layout.ReferrersOf(name, subject))
	if err != nil {
		return nil, "", err
	}
	found = append(found, unwritten[subject]...)
	slices.Sort(found)
	found = slices.Compact(found)
	at, known := slices.BinarySearch(found, last)
	if known {
		at++
	}
	found = found[at:]
	list = []ocispec.Descriptor{}
	for size, looked := 0, 0; len(found) > 0; {
		batch := found[:min(readers, len(found))]
		described, err := h.describe(ctx, name, subject, batch)
		if err != nil {
			return nil, "", err
		}
		for i, desc := range described {
			if desc == nil || (artifactType != "" && desc.ArtifactType != artifactType) {
				continue
			}
			size += encodedSize(desc)
			if size > referrersBytes && len(list) > 0 {
				return list, before(batch, i, last), nil
			}
			list = append(list, *desc)
			last = batch[i]
		}
		last = batch[len(batch)-1]
		found, looked = found[len(batch):], looked+len(batch)
		if looked >= referrersPage && len(found) > 0 {
			return list, last, nil
		}
	}
	return list, "", nil
}

// before returns what comes before batch[i], where last comes before batch.
func before(batch []digest.Digest, i int, last digest.Digest) digest.Digest {
	if i == 0 {
		return last
	}
	return batch[i-1]
}

// encodedSize is the size of desc in an answer, in bytes.
func encodedSize(desc *ocispec.Descriptor) int {
	encoded, err := json.Marshal(desc)
	if err != nil {
		return 0 // the answer as a whole will tell
	}
	return len(encoded) + 1
}

// describe returns the descriptors of manifests that refer to subject, nil for those that are gone or do not.
func (h *handler) describe(ctx context.Context, name string, subject digest.Digest, manifests []digest.Digest) ([]*ocispec.Descriptor, error) {
	described := make([]*ocispec.Descriptor, len(manifests))
	var group errgroup.Group
	for i, d := range manifests {
		group.Go(func() error {
			canonical, err := h.resolve(ctx, layout.Revision, name, d)
			if err != nil || canonical == "" {
				return err
			}
			data, err := h.driver.GetContent(ctx, layout.BlobData(canonical))
			if isMissing(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("reading a referrer: %w", err)
			}
			if c, err := parseContent(data); err == nil && c.subject() == subject {
				desc := c.descriptor(d, int64(len(data)))
				described[i] = &desc
			}
			return nil
		})
	}
	return described, group.Wait()
}
