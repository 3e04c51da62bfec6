package api

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/url"

	"github.com/distribution/distribution/v3/registry/api/errcode"
)

// answer is what the library answered, held back: so that what follows from it is done before the client hears of it.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// ask has the library answer req. The answer is kept in memory: it is not for content.
func (h *handler) ask(req *http.Request) *answer {
	a := &answer{header: http.Header{}}
	h.library.ServeHTTP(a, req)
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// send gives the answer to the client.
func (a *answer) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}

// instead returns a request that differs from req in these only.
func instead(req *http.Request, method, path string, query url.Values, body []byte) *http.Request {
	other := req.Clone(req.Context())
	other.Method = method
	other.URL.Path, other.URL.RawPath = path, ""
	other.URL.RawQuery = query.Encode()
	other.RequestURI = other.URL.RequestURI()
	other.ContentLength = int64(len(body))
	other.Body = io.NopCloser(bytes.NewReader(body))
	return other
}

// refuse answers with an error in the specification's form.
func refuse(w http.ResponseWriter, code errcode.ErrorCode, detail any) {
	_ = errcode.ServeJSON(w, code.WithDetail(detail)) // who asked is gone
}

// fail answers that something went wrong here.
func fail(w http.ResponseWriter, err error) {
	refuse(w, errcode.ErrorCodeUnknown, err.Error())
}
