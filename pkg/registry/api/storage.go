package api

import (
	"context"
	"errors"
	"fmt"
	"strings"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// readLink returns the digest that the file at path holds, or "" where there is no such file.
func (h *handler) readLink(ctx context.Context, path string) (digest.Digest, error) {
	content, err := h.driver.GetContent(ctx, path)
	if isMissing(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading a link: %w", err)
	}
	d, err := digest.Parse(strings.TrimSpace(string(content)))
	if err != nil {
		return "", fmt.Errorf("reading the link %s: %w", path, err)
	}
	return d, nil
}

// writeLink makes path a link to d.
func (h *handler) writeLink(ctx context.Context, path string, d digest.Digest) error {
	if err := h.driver.PutContent(ctx, path, []byte(d)); err != nil {
		return fmt.Errorf("writing a link: %w", err)
	}
	return nil
}

// remove removes the file at path, which need not be there.
func (h *handler) remove(ctx context.Context, path string) error {
	if err := h.driver.Delete(ctx, path); err != nil && !isMissing(err) {
		return fmt.Errorf("removing a link: %w", err)
	}
	return nil
}

// resolve returns the digest by which the blob store has what the repository name has as d, or "" where the repository does not have it.
// The links are those of path: [layout.Layer] or [layout.Revision].
func (h *handler) resolve(ctx context.Context, path func(string, digest.Digest) string, name string, d digest.Digest) (digest.Digest, error) {
	canonical, err := h.readLink(ctx, path(name, d))
	if err != nil || canonical == "" || canonical == d {
		return canonical, err
	}
	// Another name goes with the first one.
	return h.readLink(ctx, path(name, canonical))
}

// isOther tells whether d is of an algorithm that is not the blob store's.
func isOther(d digest.Digest) bool { return d.Algorithm() != digest.Canonical }

// others are the algorithms besides the blob store's.
func others() []digest.Algorithm { return []digest.Algorithm{digest.SHA384, digest.SHA512} }

// list returns what is in the directory at path, which need not be there.
func (h *handler) list(ctx context.Context, path string) ([]string, error) {
	entries, err := h.driver.List(ctx, path)
	if err != nil && !isMissing(err) {
		return nil, fmt.Errorf("listing: %w", err)
	}
	return entries, nil
}

// digestsIn returns the digests whose directories are below path, algorithm by algorithm.
func (h *handler) digestsIn(ctx context.Context, path string) (found []digest.Digest, err error) {
	algorithms, err := h.list(ctx, path)
	if err != nil {
		return nil, err
	}
	for _, algorithm := range algorithms {
		if !digest.Algorithm(algorithm[strings.LastIndexByte(algorithm, '/')+1:]).Available() {
			continue
		}
		entries, err := h.list(ctx, algorithm)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if d, ok := layout.DigestIn(entry); ok {
				found = append(found, d)
			}
		}
	}
	return found, nil
}

func isMissing(err error) bool {
	var missing storagedriver.PathNotFoundError
	return errors.As(err, &missing)
}
