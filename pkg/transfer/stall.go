package transfer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Bounds of silence on a connection.
const (
	stallPatience = time.Minute
	// finishRate is how many bytes of a blob a registry is expected to put in place each second when an upload ends, as by
	// hashing or copying them.
	finishRate = 10 << 20
)

// errStalled means that a connection was open and no byte went over it. It counts as a timeout.
var errStalled error = &stalledError{}

type stalledError struct{}

func (*stalledError) Error() string   { return "no byte was sent or received for too long" }
func (*stalledError) Timeout() bool   { return true }
func (*stalledError) Temporary() bool { return true }

type patienceKey struct{}

// patiently gives a registry the time to finish a blob of so many bytes, or to copy them.
func patiently(ctx context.Context, size int64) context.Context {
	return context.WithValue(ctx, patienceKey{}, time.Duration(size/finishRate)*time.Second)
}

// watching ends requests on whose connection nothing moves, with [errStalled]. Time that passes in the reader of a body, or
// between reads of a response, is not counted: then we are the slow ones.
type watching struct {
	base     http.RoundTripper
	patience time.Duration
}

func (t watching) RoundTrip(req *http.Request) (*http.Response, error) {
	patience := t.patience
	if more, ok := req.Context().Value(patienceKey{}).(time.Duration); ok {
		patience += more
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	w := &watch{ctx: ctx, cancel: cancel, patience: patience}
	w.timer = time.AfterFunc(patience, func() { cancel(errStalled) })
	req = req.Clone(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &watchedBody{req.Body, w}
	}
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		err = w.explain(err)
		w.end()
		return nil, err
	}
	w.timer.Stop()
	resp.Body = &watchedResponse{resp.Body, w}
	return resp, nil
}

// watch is the clock of one request.
type watch struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	patience time.Duration
}

func (w *watch) explain(err error) error {
	if err != nil && errors.Is(context.Cause(w.ctx), errStalled) {
		return errStalled
	}
	return err
}

func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// watchedBody is the body of a request: the clock runs while what was read is being sent.
type watchedBody struct {
	io.ReadCloser
	watch *watch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.watch.timer.Stop()
	defer b.watch.timer.Reset(b.watch.patience)
	return b.ReadCloser.Read(p)
}

// watchedResponse is the body of a response: the clock runs while it is read.
type watchedResponse struct {
	io.ReadCloser
	watch *watch
}

func (r *watchedResponse) Read(p []byte) (int, error) {
	r.watch.timer.Reset(r.watch.patience)
	n, err := r.ReadCloser.Read(p)
	r.watch.timer.Stop()
	return n, r.watch.explain(err)
}

func (r *watchedResponse) Close() error {
	r.watch.end()
	return r.ReadCloser.Close()
}
