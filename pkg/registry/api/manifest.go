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

// deleteManifest answers a DELETE of a manifest or tag. A manifest goes by all its names, and so does what is known of it as a referrer.
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
	// Its data tells its other names, and its subject. Where that is gone, what is left of them leads nowhere.
	data, err := h.driver.GetContent(ctx, layout.BlobData(canonical))
	if err != nil && !isMissing(err) {
		fail(w, err)
		return
	}
	a := h.ask(instead(req, http.MethodDelete, manifestPath(at.name, canonical.String()), nil, nil))
	if a.status == http.StatusAccepted && data != nil {
		// The client may be gone, but the manifest is too.
		if err := h.forget(context.WithoutCancel(ctx), at.name, canonical, data); err != nil {
			fail(w, err)
			return
		}
	}
	a.send(w)
}

// forget removes the other names of a manifest that was deleted, and the links from its subject.
func (h *handler) forget(ctx context.Context, name string, canonical digest.Digest, data []byte) error {
	names := []digest.Digest{canonical}
	for _, algorithm := range others() {
		d := algorithm.FromBytes(data)
		names = append(names, d)
		if err := h.remove(ctx, layout.Revision(name, d)); err != nil {
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
