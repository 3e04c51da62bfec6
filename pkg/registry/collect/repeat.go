package collect

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"
)

// repeatable is next for the end of an upload, which may be asked for once more at the same place: after a 503, or where the answer was lost.
// What the request before has brought about is taken up, where the library alone would not know the upload, or find more of it than
// the client says:
//
//   - An upload that is not known has ended, if the repository has its blob. One that is hidden is not there for this either.
//   - One that has as many bytes more than at that place as are sent now has them already. Whether they are the same, its digest tells.
//
// Otherwise what next says holds. Both wait for all data, as the body may enter the gate at its end.
func repeatable(next http.Handler, repository string, d digest.Digest, there func(context.Context) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result := newAnswer()
		next.ServeHTTP(result, r)
		if r.Method == http.MethodPut {
			switch result.status {
			case http.StatusNotFound:
				if there(r.Context()) && drained(r) && there(r.Context()) {
					result = created(repository, d)
				}
			case http.StatusRequestedRangeNotSatisfiable:
				if location, ok := arrived(next, r); ok && drained(r) {
					result = newAnswer()
					next.ServeHTTP(result, without(r, http.MethodPut, location, url.Values{"digest": {d.String()}}))
				}
			}
		}
		result.give(w)
	})
}

// drained reads what is left of a body.
func drained(r *http.Request) bool {
	_, err := io.Copy(io.Discard, r.Body)
	return err == nil
}

// arrived asks next whether an upload has what r sends, by the number of bytes, and where it goes on then.
func arrived(next http.Handler, r *http.Request) (location *url.URL, ok bool) {
	before, ok := offset(r.URL.Query().Get("_state"))
	if !ok || r.ContentLength <= 0 {
		return nil, false
	}
	state := newAnswer()
	next.ServeHTTP(state, without(r, http.MethodGet, r.URL, nil))
	if !state.acknowledges() || state.header.Get("Range") != fmt.Sprintf("0-%d", before+r.ContentLength-1) {
		return nil, false
	}
	location, err := url.Parse(state.header.Get("Location"))
	return location, err == nil
}

// offset reads how many bytes an upload had when it was at the place with that state, which the library has made and, before it looks at
// how many there are, checked (registry/handlers/hmac.go there).
func offset(state string) (bytes int64, ok bool) {
	signed, err := base64.URLEncoding.DecodeString(state)
	if err != nil || len(signed) < sha256.Size {
		return 0, false
	}
	var place struct{ Offset int64 }
	err = json.Unmarshal(signed[sha256.Size:], &place)
	return place.Offset, err == nil
}

// without returns a request like r but for the method and place, with more in its query, and with no body.
func without(r *http.Request, method string, at *url.URL, more url.Values) *http.Request {
	other := r.Clone(r.Context())
	query := at.Query()
	maps.Copy(query, more)
	other.Method, other.URL.Path, other.URL.RawPath, other.URL.RawQuery = method, at.Path, "", query.Encode()
	other.RequestURI = other.URL.RequestURI()
	other.Body, other.ContentLength, other.TransferEncoding = http.NoBody, 0, nil
	other.Header.Del("Content-Length")
	other.Header.Del("Content-Range")
	return other
}

// created is the answer to the end of an upload.
func created(repository string, d digest.Digest) *answer {
	a := newAnswer()
	a.header.Set("Location", strings.Join([]string{"", "v2", repository, "blobs", d.String()}, "/"))
	a.header.Set("Docker-Content-Digest", d.String())
	a.header.Set("Content-Length", "0")
	a.status = http.StatusCreated
	return a
}
