package registry

import (
	"io"
	"log/slog"
	"net/http"
	"time"
)

// logAccess writes one line to log for each request that next has answered: errors of ours as such, probes only for
// debugging. Headers and query strings stay out of it, since they may hold credentials.
func logAccess(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			log.LogAttrs(req.Context(), accessLevel(req.URL.Path, rec.status), "Answered a request.",
				slog.String("method", req.Method),
				slog.String("path", req.URL.Path),
				slog.Int("status", rec.status),
				slog.Int64("bytes", rec.written),
				slog.Duration("took", time.Since(start)),
				slog.String("remote", req.RemoteAddr),
				slog.String("agent", req.UserAgent()))
		}()
		next.ServeHTTP(rec, req)
	})
}

// accessLevel is the level of the line about an answer with that status.
func accessLevel(path string, status int) slog.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return slog.LevelError
	case path == "/healthz" || path == "/readyz":
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// recorder passes a response on and remembers its status and the size of its body in bytes.
type recorder struct {
	http.ResponseWriter
	status  int
	written int64
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.ResponseWriter.Write(p)
	r.written += int64(n)
	return n, err
}

// ReadFrom lets a file go straight from the disk to the network, as without the recorder.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(r.ResponseWriter, src)
	r.written += n
	return n, err
}

// Unwrap lets [http.ResponseController] find what else the writer can do.
func (r *recorder) Unwrap() http.ResponseWriter {
	return r.ResponseWriter
}
