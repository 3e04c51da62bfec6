package transfer

import (
	"log/slog"
	"net/http"
	"time"
)

// requestLog tells about every request. It leaves out headers, bodies and the queries of URLs, since those may hold
// credentials, signatures and tokens.
type requestLog struct {
	base http.RoundTripper
	log  *slog.Logger
}

func (t requestLog) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := t.base.RoundTrip(req)
	log := t.log.With("method", req.Method, "url", req.URL.Scheme+"://"+req.URL.Host+req.URL.EscapedPath(),
		"after", time.Since(start).Round(time.Millisecond))
	if err != nil {
		log.DebugContext(req.Context(), "A request failed.", "error", err)
		return nil, err
	}
	log.DebugContext(req.Context(), "A request was answered.", "status", resp.StatusCode, "sent", max(0, req.ContentLength), "length", resp.ContentLength)
	return resp, nil
}
