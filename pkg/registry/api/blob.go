package api

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// digestHeader says by which digest the content of an answer is known.
const digestHeader = "Docker-Content-Digest"

// cacheControl is the library's: what has a digest does not change (registry/storage/blobserver.go, blobCacheControlMaxAge).
const cacheControl = "max-age=31536000"

// serveBlob answers a GET or HEAD of a blob: from its file where there is one, otherwise as the library does. What goes wrong
// is the library's to report.
func (h *handler) serveBlob(w http.ResponseWriter, req *http.Request, at place) {
	d, err := digest.Parse(at.ref)
	if err != nil {
		h.library.ServeHTTP(w, req)
		return
	}
	canonical, err := h.resolve(req.Context(), layout.Layer, at.name, d)
	if err == nil && canonical == "" {
		refuse(w, errcode.ErrorCodeBlobUnknown, d)
		return
	}
	if err == nil && h.root != "" && h.serveFile(w, req, d, canonical) {
		return
	}
	if err == nil {
		w.Header().Set(digestHeader, d.String()) // which the library then leaves
	}
	h.library.ServeHTTP(w, req)
}

// serveFile answers with the blob canonical, which the client knows as d, unless it has no file. Nothing but w is between the file and the
// connection, so that the kernel may copy.
func (h *handler) serveFile(w http.ResponseWriter, req *http.Request, d, canonical digest.Digest) bool {
	file, err := os.Open(filepath.Join(h.root, filepath.FromSlash(layout.BlobData(canonical))))
	if err != nil {
		return false
	}
	defer file.Close() //nolint:errcheck // only read from
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("ETag", fmt.Sprintf("%q", canonical))
	header.Set("Cache-Control", cacheControl)
	header.Set(digestHeader, d.String())
	header.Set("Docker-Distribution-Api-Version", "registry/2.0")
	http.ServeContent(w, req, "", time.Time{}, file)
	return true
}
