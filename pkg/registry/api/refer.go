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
// since some may have been pushed before links were kept.
func (h *handler) complete(ctx context.Context, name string) error {
	path := layout.ReferrersComplete(name)
	if _, err := h.driver.Stat(ctx, path); err == nil {
		return nil
	} else if !isMissing(err) {
		return fmt.Errorf("looking for the referrers of a repository: %w", err)
	}
	// Whoever asked first may go away while others wait for the same.
	_, err, _ := h.rebuilds.Do(name, func() (any, error) {
		return nil, h.rebuild(context.WithoutCancel(ctx), name)
	})
	return err
}

// rebuild links the manifests of a repository to their subjects, and says so in the storage.
func (h *handler) rebuild(ctx context.Context, name string) error {
	manifests, err := h.digestsIn(ctx, layout.Revisions(name))
	if err != nil || len(manifests) == 0 {
		return err // no repository is made by asking
	}
	for _, d := range manifests {
		canonical, err := h.resolve(ctx, layout.Revision, name, d)
		if err != nil {
			return err
		}
		if canonical == "" {
			continue
		}
		data, err := h.driver.GetContent(ctx, layout.BlobData(canonical))
		if isMissing(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading a manifest: %w", err)
		}
		c, err := parseContent(data)
		if err != nil || c.subject() == "" {
			continue
		}
		if err := h.refer(ctx, name, c.subject(), d, canonical); err != nil {
			return err
		}
	}
	if err := h.driver.PutContent(ctx, layout.ReferrersComplete(name), []byte("1")); err != nil {
		return fmt.Errorf("noting that a repository's referrers are known: %w", err)
	}
	return nil
}
