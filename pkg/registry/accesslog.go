package registry

import (
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/converged-computing/oras-operator/pkg/registry/internal/who"
)

// observer counts and times requests, and writes one line for each that was answered. Headers and query strings stay out of
// it, since they may hold credentials.
type observer struct {
	log     *slog.Logger
	metrics *metrics
	// closing tells whether connections are to be closed after their answer, so that clients go elsewhere.
	closing func() bool
}

func (o observer) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		start := time.Now()
		ctx := who.Track(req.Context())
		req = req.WithContext(ctx)
		if req.Body != nil && req.Body != http.NoBody {
			req.Body = countedBody{req.Body, o.metrics}
		}
		rec := &recorder{ResponseWriter: w, metrics: o.metrics, closing: o.closing}
		answered := http.StatusInternalServerError // what a panic is, which cuts the connection
		defer func() {
			rec.begin(answered)
			took := time.Since(start)
			o.metrics.answered(req, rec.status, took)
			o.log.LogAttrs(ctx, accessLevel(rec.status), "Answered a request.",
				slog.String("method", req.Method),
				slog.String("path", req.URL.Path),
				slog.Int("status", rec.status),
				slog.Int64("bytes", rec.written),
				slog.Duration("took", took),
				slog.String("who", who.Of(ctx)),
				slog.String("remote", req.RemoteAddr),
				slog.String("agent", req.UserAgent()))
		}()
		next.ServeHTTP(rec, req)
		answered = http.StatusOK
	})
}

// accessLevel is the level of the line about an answer with that status: errors of ours are such.
func accessLevel(status int) slog.Level {
	if status >= http.StatusInternalServerError {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// countedBody counts the bytes of a body that are received.
type countedBody struct {
	io.ReadCloser
	metrics *metrics
}

func (b countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.metrics.received.Add(float64(n))
	return n, err
}

// recorder passes a response on and remembers its status and the size of its body in bytes.
type recorder struct {
	http.ResponseWriter
	metrics *metrics
	closing func() bool
	status  int
	written int64
}

// begin is where the header is complete.
func (r *recorder) begin(status int) {
	if r.status != 0 {
		return
	}
	r.status = status
	if r.closing() {
		// With HTTP/2 the server makes GOAWAY of it.
		r.Header().Set("Connection", "close")
	}
}

func (r *recorder) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		r.begin(status)
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.begin(http.StatusOK)
	n, err := r.ResponseWriter.Write(p)
	r.wrote(int64(n))
	return n, err
}

// ReadFrom lets a file go straight from the disk to the network, as without the recorder.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	r.begin(http.StatusOK)
	n, err := io.Copy(r.ResponseWriter, src)
	r.wrote(n)
	return n, err
}

func (r *recorder) wrote(n int64) {
	r.written += n
	r.metrics.sent.Add(float64(n))
}

// Unwrap lets [http.ResponseController] find what else the writer can do.
func (r *recorder) Unwrap() http.ResponseWriter {
	return r.ResponseWriter
}
