package api

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// refer writes down that the manifest d, which is canonical in the blob store, refers to subject, unless that is known.
func (h *handler) refer(ctx context.Context, name string, subject, d, canonical digest.Digest) error {
	path := layout.Referrer(name, subject, d)
	known, err := h.readLink(ctx, path)
	if err != nil || known == canonical {
		return err
	}
	return h.writeLink(ctx, path, canonical)
}

// unrefer removes what refer wrote, once the manifest is deleted. Should it be back already, its link is too.
func (h *handler) unrefer(ctx context.Context, name string, subject, d, canonical digest.Digest) error {
	if err := h.remove(ctx, layout.Referrer(name, subject, d)); err != nil {
		return err
	}
	back, err := h.resolve(ctx, layout.Revision, name, d)
	if err != nil || back == "" {
		return err
	}
	return h.refer(ctx, name, subject, d, canonical)
}

// complete makes sure that every manifest of a repository that refers to another has its link: it reads all manifests, once,
// since some may have been pushed before links were kept. Where links cannot be written, as on a full disk, it returns what
// refers to each subject, and the next one who asks has all read again.
func (h *handler) complete(ctx context.Context, name string) (unwritten map[digest.Digest][]digest.Digest, err error) {
	path := layout.ReferrersComplete(name)
	if _, err := h.driver.Stat(ctx, path); err == nil {
		return nil, nil
	} else if !isMissing(err) {
		return nil, fmt.Errorf("looking for the referrers of a repository: %w", err)
	}
	// Whoever asked first may go away while others wait for the same.
	read, err, _ := h.rebuilds.Do(name, func() (any, error) {
		ctx := context.WithoutCancel(ctx)
		read, err := h.readAll(ctx, name)
		if err == nil && len(read.manifests) > 0 && h.noteAll(ctx, name, read) == nil { // no repository is made by asking
			read.bySubject = nil
		}
		return read.bySubject, err
	})
	unwritten, _ = read.(map[digest.Digest][]digest.Digest)
	return unwritten, err
}

// references are the manifests of a repository that refer to another.
type references struct {
	manifests map[digest.Digest]digest.Digest // all manifests, with what is canonical in the blob store
	bySubject map[digest.Digest][]digest.Digest
}

// readAll reads what the manifests of a repository refer to.
func (h *handler) readAll(ctx context.Context, name string) (references, error) {
	read := references{map[digest.Digest]digest.Digest{}, map[digest.Digest][]digest.Digest{}}
	manifests, err := h.digestsIn(ctx, layout.Revisions(name))
	if err != nil {
		return read, err
	}
	for _, d := range manifests {
		canonical, err := h.resolve(ctx, layout.Revision, name, d)
		if err != nil {
			return read, err
		}
		read.manifests[d] = canonical
		if canonical == "" {
			continue
		}
		data, err := h.driver.GetContent(ctx, layout.BlobData(canonical))
		if isMissing(err) {
			continue
		}
		if err != nil {
			return read, fmt.Errorf("reading a manifest: %w", err)
		}
		if c, err := parseContent(data); err == nil && c.subject() != "" {
			read.bySubject[c.subject()] = append(read.bySubject[c.subject()], d)
		}
	}
	return read, nil
}

// noteAll links the manifests of a repository to their subjects, and says so in the storage.
func (h *handler) noteAll(ctx context.Context, name string, read references) error {
	for subject, manifests := range read.bySubject {
		for _, d := range manifests {
			if err := h.refer(ctx, name, subject, d, read.manifests[d]); err != nil {
				return err
			}
		}
	}
	if err := h.driver.PutContent(ctx, layout.ReferrersComplete(name), []byte("1")); err != nil {
		return fmt.Errorf("noting that a repository's referrers are known: %w", err)
	}
	return nil
}
