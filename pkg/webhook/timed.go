package webhook

import (
	"bytes"
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxReview is the size in bytes at which a webhook of controller-runtime refuses a request; nothing beyond it is read.
const maxReview = 7 << 20

// timed has an observer of seconds measure how long a handler takes for requests that have been read whole: how long one takes
// to arrive is up to who sends it.
func timed(took prometheus.ObserverVec, handler http.Handler) http.Handler {
	handler = promhttp.InstrumentHandlerDuration(took, handler)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		review, err := io.ReadAll(io.LimitReader(req.Body, maxReview))
		whole := req.WithContext(req.Context()) // the server's own request stays as it is
		whole.Body = again(review, err)
		handler.ServeHTTP(w, whole)
	})
}

// again reads what has been read before, to the same end: an error, or nil where all of it was there.
func again(read []byte, end error) io.ReadCloser {
	switch {
	case end != nil:
		return io.NopCloser(io.MultiReader(bytes.NewReader(read), cutOff{end}))
	case len(read) == 0:
		return http.NoBody
	default:
		return io.NopCloser(bytes.NewReader(read))
	}
}

// cutOff is where reading ends with an error.
type cutOff struct{ error }

func (c cutOff) Read([]byte) (int, error) { return 0, c.error }
