package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// startUpload answers the POST that begins an upload: by a mount, by the whole blob with it, or by a place to send the blob to.
func (h *handler) startUpload(w http.ResponseWriter, req *http.Request, at place) {
	query := req.URL.Query()
	if query.Has("mount") {
		mounted, err := h.mount(req.Context(), at.name, query.Get("from"), query.Get("mount"))
		if err != nil {
			fail(w, err)
			return
		}
		if mounted != "" {
			created(w, at.name, mounted)
			return
		}
	}
	if query.Has("digest") {
		h.uploadWhole(w, req, at, query.Get("digest"))
		return
	}
	// The library tries no mount of its own, which would go wrong for other digests.
	h.library.ServeHTTP(w, instead(req, http.MethodPost, req.URL.Path, nil, nil))
}

// created answers that the repository now has the blob d.
func created(w http.ResponseWriter, name string, d digest.Digest) {
	w.Header().Set("Location", blobPath(name, d.String()))
	w.Header().Set(digestHeader, d.String())
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
}

// mount gives the repository name the blob that from has as want, or that any has where from is empty. It returns "" where there is none
// such, which is no error: the client then uploads.
func (h *handler) mount(ctx context.Context, name, from, want string) (digest.Digest, error) {
	d, err := digest.Parse(want)
	if err != nil || (from != "" && !isName(from)) || (from == "" && isOther(d)) {
		return "", nil //nolint:nilerr // nothing has such a name
	}
	canonical := d
	if from != "" {
		if canonical, err = h.resolve(ctx, layout.Layer, from, d); err != nil || canonical == "" {
			return "", err
		}
	}
	if _, err := h.driver.Stat(ctx, layout.BlobData(canonical)); isMissing(err) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("looking for a blob to mount: %w", err)
	}
	if err := h.writeLink(ctx, layout.Layer(name, canonical), canonical); err != nil {
		return "", err
	}
	if d != canonical {
		if err := h.writeLink(ctx, layout.Layer(name, d), canonical); err != nil {
			return "", err
		}
	}
	return d, nil
}

// uploadWhole answers a POST that has the whole blob in its body: it is the beginning of an upload and its end.
func (h *handler) uploadWhole(w http.ResponseWriter, req *http.Request, at place, want string) {
	d, err := digest.Parse(want)
	if err != nil {
		refuse(w, errcode.ErrorCodeDigestInvalid, err.Error())
		return
	}
	begun := h.ask(instead(req, http.MethodPost, req.URL.Path, nil, nil))
	if begun.status != http.StatusAccepted {
		begun.send(w)
		return
	}
	location, err := url.Parse(begun.header.Get("Location"))
	if err != nil {
		fail(w, fmt.Errorf("reading where to upload to: %w", err))
		return
	}
	query := location.Query()
	query.Set("digest", d.String())
	end := instead(req, http.MethodPut, location.Path, query, nil)
	end.Body, end.ContentLength = req.Body, req.ContentLength
	h.inBulk(end)
	h.endUpload(w, end, at, d)
}

// continueUpload answers a PATCH or PUT of an upload.
func (h *handler) continueUpload(w http.ResponseWriter, req *http.Request, at place) {
	if value := req.Header.Get("Content-Range"); value != "" {
		start, length, ok := parseRange(value)
		if !ok {
			refuse(w, errcode.ErrorCodeRangeInvalid, fmt.Sprintf("%q is not START-END", value))
			return
		}
		req = req.Clone(req.Context())
		req.Header.Set("Content-Range", fmt.Sprintf("%d-%d", start, start+length-1))
		if req.ContentLength < 0 {
			// Without a length, the library would not look at where the chunk belongs.
			req.Header.Set("Content-Length", strconv.FormatInt(length, 10))
		}
	}
	h.inBulk(req)
	d, err := digest.Parse(req.URL.Query().Get("digest"))
	if req.Method == http.MethodPut && err == nil {
		h.endUpload(w, req, at, d)
		return
	}
	h.library.ServeHTTP(w, req)
}

// endUpload has the library end an upload of the blob d, and says so by the name that the client has for it.
func (h *handler) endUpload(w http.ResponseWriter, req *http.Request, at place, d digest.Digest) {
	if !isOther(d) {
		h.library.ServeHTTP(w, req)
		return
	}
	a := h.ask(req)
	if a.status != http.StatusCreated {
		a.send(w)
		return
	}
	created(w, at.name, d)
}

// rangePattern is a range of bytes as the specification has it, or in HTTP's own form.
var rangePattern = regexp.MustCompile(`^(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]+|\*))?$`)

// parseRange reads a Content-Range. The length is in bytes, and at least 1.
func parseRange(value string) (start, length int64, ok bool) {
	match := rangePattern.FindStringSubmatch(strings.TrimSpace(value))
	if match == nil {
		return 0, 0, false
	}
	start, _ = strconv.ParseInt(match[1], 10, 64) // 18 digits fit
	end, _ := strconv.ParseInt(match[2], 10, 64)
	return start, end - start + 1, end >= start
}
