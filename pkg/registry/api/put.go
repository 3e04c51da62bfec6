package api

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

const (
	// maxManifest is the most bytes that a manifest may have, the library's (registry/handlers/manifests.go, maxManifestBodySize).
	maxManifest = 4 << 20
	// maxTags is the most tags that one push may give. The specification asks for ten at least.
	maxTags = 100
)

// push is one manifest on its way in.
type push struct {
	name      string        // of the repository
	ref       string        // as the client has it
	body      []byte        // the manifest
	canonical digest.Digest // the blob store's digest of body
	named     digest.Digest // by which the client knows it
	tags      []string      // to give besides, where ref is a digest
	subject   digest.Digest // or ""
}

// putManifest answers the PUT of a manifest. It takes effect in this order: the link from its subject, the manifest, its other name, its tags;
// the client hears of it after that.
func (h *handler) putManifest(w http.ResponseWriter, req *http.Request, at place) {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxManifest+1))
	if err != nil {
		refuse(w, errcode.ErrorCodeManifestInvalid, fmt.Sprintf("reading the manifest: %v", err))
		return
	}
	if len(body) > maxManifest {
		refuse(w, errcode.ErrorCodeManifestInvalid, fmt.Sprintf("it has more than %d bytes", maxManifest))
		return
	}
	p := push{name: at.name, ref: at.ref, body: body, canonical: digest.FromBytes(body)}
	p.named = p.canonical
	if c, err := parseContent(body); err == nil {
		p.subject = c.subject() // otherwise, the library says what is wrong
	}
	ref := p.ref
	if d, err := digest.Parse(p.ref); err == nil {
		if d != d.Algorithm().FromBytes(body) {
			refuse(w, errcode.ErrorCodeDigestInvalid, "the manifest has another digest")
			return
		}
		p.named, p.tags, ref = d, req.URL.Query()["tag"], p.canonical.String()
	}
	if bad, ok := badTag(at.name, p.tags); ok {
		refuse(w, errcode.ErrorCodeTagInvalid, bad)
		return
	}
	h.answerPush(w, req, p, ref)
}

// badTag returns what is wrong with tags.
func badTag(name string, tags []string) (string, bool) {
	if len(tags) > maxTags {
		return fmt.Sprintf("%d tags are more than %d", len(tags), maxTags), true
	}
	for _, tag := range tags {
		if !isTagName(name, tag) {
			return fmt.Sprintf("%q is no tag", tag), true
		}
	}
	return "", false
}

// answerPush does p, by ref in the library.
func (h *handler) answerPush(w http.ResponseWriter, req *http.Request, p push, ref string) {
	a, err := h.push(req, p, ref)
	if err != nil {
		fail(w, err)
		return
	}
	a.send(w) // to a client that may take its time, while others push and delete
}

// push does p, by ref in the library, and returns the answer to it.
func (h *handler) push(req *http.Request, p push, ref string) (*answer, error) {
	pushes := h.pushes.of(p.name)
	pushes.RLock()
	defer pushes.RUnlock()
	ctx := req.Context()
	if p.subject != "" {
		if err := h.refer(ctx, p.name, p.subject, p.named, p.canonical); err != nil {
			return nil, err
		}
	}
	put := func(ref string) *answer {
		return h.ask(instead(req, http.MethodPut, manifestPath(p.name, ref), nil, p.body))
	}
	a := put(ref)
	if a.status != http.StatusCreated {
		return a, nil
	}
	// The manifest is there, and what is about it should be too, even if the client is gone.
	ctx = context.WithoutCancel(ctx)
	if err := h.finishPush(ctx, p); err != nil {
		return nil, err
	}
	for _, tag := range p.tags {
		if tagged := put(tag); tagged.status != http.StatusCreated {
			return tagged, nil
		}
		if err := h.nameTag(ctx, p.name, tag, p.named); err != nil {
			return nil, err
		}
		a.header.Add("OCI-Tag", tag)
	}
	a.header.Set(digestHeader, p.named.String())
	a.header.Set("Location", manifestPath(p.name, p.named.String()))
	if p.subject != "" {
		a.header.Set("OCI-Subject", p.subject.String())
	}
	return a, nil
}

// finishPush writes down what is known of p beside the manifest.
func (h *handler) finishPush(ctx context.Context, p push) error {
	if p.named != p.canonical {
		if err := h.writeLink(ctx, layout.Revision(p.name, p.named), p.canonical); err != nil {
			return err
		}
	}
	if p.subject != "" {
		// Who deleted the manifest a moment ago may have removed this after it was written.
		if err := h.refer(ctx, p.name, p.subject, p.named, p.canonical); err != nil {
			return err
		}
	}
	if isTagName(p.name, p.ref) {
		return h.nameTag(ctx, p.name, p.ref, p.named)
	}
	return nil
}

// nameTag writes down by which digest the manifest was pushed that a tag now names.
func (h *handler) nameTag(ctx context.Context, name, tag string, d digest.Digest) error {
	path := layout.TagName(name, tag)
	if isOther(d) {
		return h.writeLink(ctx, path, d)
	}
	old, err := h.readLink(ctx, path)
	if err != nil || old == "" {
		return err
	}
	return h.remove(ctx, path)
}
