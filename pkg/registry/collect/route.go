package collect

import (
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"
)

// route is what a request is about, as far as it matters to the gate.
type route int

const (
	otherRoute    route = iota
	blobRoute           // a blob by its digest
	uploadRoute         // one upload
	uploadsRoute        // the beginning of one
	manifestRoute       // a manifest by a tag or digest
)

// target reads the path of a request: what it is about, of which repository, and the digest, tag or upload at its end.
func target(p string) (r route, repository, last string) {
	rest, ok := strings.CutPrefix(p, "/v2/")
	if !ok {
		return otherRoute, "", ""
	}
	above, last, ok := cutLast(rest)
	if !ok {
		return otherRoute, "", ""
	}
	if name, found := strings.CutSuffix(above, "/manifests"); found {
		return manifestRoute, name, last
	}
	if name, found := strings.CutSuffix(above, "/blobs/uploads"); found {
		if last == "" {
			return uploadsRoute, name, ""
		}
		return uploadRoute, name, last
	}
	if name, found := strings.CutSuffix(above, "/blobs"); found {
		if last == "uploads" {
			return uploadsRoute, name, ""
		}
		return blobRoute, name, last
	}
	return otherRoute, "", ""
}

func cutLast(p string) (above, last string, ok bool) {
	i := strings.LastIndexByte(p, '/')
	if i < 0 {
		return "", "", false
	}
	return p[:i], p[i+1:], true
}

// asDigest reads a digest that a request gives.
func asDigest(text string) (digest.Digest, bool) {
	d := digest.Digest(text)
	return d, d.Validate() == nil
}

// plainBody sees to it that the body of an upload is not taken for a form with more parameters, which the library would do with one
// that a client calls a form; curl does so with every body.
func plainBody(r *http.Request) {
	r.Header = r.Header.Clone()
	r.Header.Set("Content-Type", "application/octet-stream")
}
