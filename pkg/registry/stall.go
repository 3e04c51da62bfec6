package registry

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

const (
	// stallTimeout is how long a client may neither send more of a body that is waited for nor take more of an answer.
	stallTimeout = 5 * time.Minute
	// stallChunk is in bytes: what a client takes of an answer within [stallTimeout], if it is to take it all.
	stallChunk = 1 << 20
	// unreadTimeout is how long is waited for what is left of a body that nobody has read.
	unreadTimeout = 10 * time.Second
)

// cutUnread bounds how long the server waits, once next has answered, for what next has not read of a body: it reads that, or
// some of it, before it sends the answer. Then the answer goes out, and the connection ends.
func cutUnread(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		next.ServeHTTP(w, req)
		if req.Body != nil && req.Body != http.NoBody {
			// The next request has deadlines of its own.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unreadTimeout))
		}
	})
}

// cutStalled gives next bodies and writers that fail once nothing has moved for timeout. A request as a whole may take as
// long as it likes.
func cutStalled(timeout time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			control := http.NewResponseController(w)
			moving := &movingWriter{ResponseWriter: w, control: control, timeout: timeout}
			if req.Body == nil || req.Body == http.NoBody {
				next.ServeHTTP(moving, req)
				return
			}
			body := &movingBody{ReadCloser: req.Body, control: control, timeout: timeout}
			req.Body = body
			answer := &overruled{ResponseWriter: moving, decide: body.judge}
			next.ServeHTTP(answer, req)
			answer.end(func() {})
		})
	}
}

// movingBody is a body of which each read must bring something in time. Between reads no time runs.
type movingBody struct {
	io.ReadCloser
	control *http.ResponseController
	timeout time.Duration
	stalled atomic.Bool
}

func (b *movingBody) Read(p []byte) (int, error) {
	// Where deadlines cannot be set, which only tests do without a connection, nothing is cut.
	_ = b.control.SetReadDeadline(time.Now().Add(b.timeout))
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		b.stalled.Store(true)
		return n, err
	}
	_ = b.control.SetReadDeadline(time.Time{})
	return n, err
}

// judge overrules an answer that takes a stalled body for a fault of ours.
func (b *movingBody) judge(status int) *refusal {
	if !b.stalled.Load() || status < http.StatusBadRequest {
		return nil
	}
	return &refusal{
		http.StatusRequestTimeout, "BLOB_UPLOAD_INVALID",
		"Nothing more came of the request's body for " + b.timeout.String() + ".",
	}
}

// movingWriter is a response each write of which must end in time. Between writes no time runs.
type movingWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

func (w *movingWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		var written int
		part := p[:min(len(p), stallChunk)]
		w.timed(func() { written, err = w.ResponseWriter.Write(part) })
		n += written
		p = p[written:]
	}
	return n, err
}

// ReadFrom lets a file go straight from the disk to the network, a part at a time.
func (w *movingWriter) ReadFrom(src io.Reader) (n int64, err error) {
	// The kernel copies from a file, or so much of one, but looks no deeper.
	left, limited := src.(*io.LimitedReader)
	for {
		part := &io.LimitedReader{R: src, N: stallChunk}
		if limited {
			part = &io.LimitedReader{R: left.R, N: min(stallChunk, left.N)}
		}
		size := part.N
		var written int64
		w.timed(func() { written, err = io.Copy(w.ResponseWriter, part) })
		n += written
		if limited {
			left.N -= size - part.N
		}
		if err != nil || part.N > 0 || size == 0 {
			return n, err
		}
	}
}

func (w *movingWriter) timed(write func()) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.timeout))
	write()
	_ = w.control.SetWriteDeadline(time.Time{})
}

// Unwrap lets [http.ResponseController] find what else the writer can do.
func (w *movingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
