package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// getManifest answers a GET or HEAD of a manifest.
func (h *handler) getManifest(w http.ResponseWriter, req *http.Request, at place) {
	req = acceptingAll(req)
	d, err := digest.Parse(at.ref)
	switch {
	case err == nil && isOther(d):
		canonical, err := h.resolve(req.Context(), layout.Revision, at.name, d)
		if err == nil && canonical == "" {
			refuse(w, errcode.ErrorCodeManifestUnknown, d)
			return
		}
	case err != nil && isTagName(at.name, at.ref):
		named, err := h.tagName(req.Context(), at.name, at.ref)
		if err == nil && named != "" {
			req = req.Clone(req.Context())
			req.URL.Path = manifestPath(at.name, named.String())
		}
	}
	// What went wrong above, the library meets again and reports.
	h.library.ServeHTTP(w, req)
}

// acceptingAll returns req so that the library gives it every kind of manifest, where the client said that it takes anything, or did not say:
// the library takes that for a client that knows Docker's images only.
func acceptingAll(req *http.Request) *http.Request {
	accepts := strings.Join(req.Header.Values("Accept"), ",")
	if accepts != "" && !strings.Contains(accepts, "*/*") && !strings.Contains(accepts, "application/*") {
		return req
	}
	req = req.Clone(req.Context())
	req.Header["Accept"] = []string{
		ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex,
		"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
	}
	return req
}

// tagName returns the digest of another algorithm by which the manifest was pushed that a tag names, or "" if it was by the usual one.
func (h *handler) tagName(ctx context.Context, name, tag string) (digest.Digest, error) {
	named, err := h.readLink(ctx, layout.TagName(name, tag))
	if err != nil || named == "" {
		return "", err
	}
	current, err := h.readLink(ctx, layout.TagCurrent(name, tag))
	if err != nil {
		return "", err
	}
	canonical, err := h.resolve(ctx, layout.Revision, name, named)
	if err != nil || canonical == "" || canonical != current {
		return "", err // the tag has moved on
	}
	return named, nil
}
