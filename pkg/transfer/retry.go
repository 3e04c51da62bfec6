package transfer

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Waits between attempts, unless a [Retry] says otherwise. They double, with a jitter of half.
const (
	firstWait    = 200 * time.Millisecond
	longestWait  = 15 * time.Second
	maxHint      = 5 * time.Minute // Retry-After beyond this is not believed
	withoutLimit = 5 * time.Minute // total where the context has no deadline
)

// Retry says how to go on after a transient failure. The zero value is right for most.
type Retry struct {
	First   time.Duration // wait after the first failure; default 200 ms
	Longest time.Duration // wait that is not exceeded unless the registry asks for more; default 15 s
	// Limit is how long one request is tried. The default is the deadline of the context, or 5 minutes without one.
	Limit time.Duration
	// Notify is told about each failure that is about to be retried, for logs and progress. It may be called by several
	// goroutines at once and should return soon.
	Notify func(Attempt)
}

// Attempt is a failure that is retried.
type Attempt struct {
	Op   string        // what is being done, such as "uploading sha256:…"
	N    int           // number of failures so far, from 1
	Err  error         // the cause; it holds no credential
	Wait time.Duration // until the next attempt
}

// retrier retries the requests of one operation.
type retrier struct {
	Retry
	counters *Counters
	trouble  *trouble
}

func newRetrier(r Retry, c *Counters) retrier {
	return retrier{Retry: r, counters: c, trouble: &trouble{start: time.Now()}}
}

// trouble remembers the last failure of an operation, for when its time ends while it does something else.
type trouble struct {
	start time.Time
	mu    sync.Mutex
	last  error
}

func (t *trouble) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = err
}

// explain gives an error that says no more than that the time is over its real cause, as far as there is one.
func (t *trouble) explain(err error) error {
	var told *gaveUp
	if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &told) {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != nil {
		err = t.last
	}
	return &gaveUp{after: time.Since(t.start), err: err, stop: context.DeadlineExceeded}
}

// do tries until success, a final error, or the end of the time; then the error has the last real cause.
func (r retrier) do(ctx context.Context, op string, try func(context.Context) error) error {
	start, n := time.Now(), 0
	var last error
	attempt := func() (struct{}, error) {
		hint := new(hint)
		err := clean(try(context.WithValue(ctx, hintKey{}, hint)))
		switch {
		case err == nil:
			return struct{}{}, nil
		case last == nil || ctx.Err() == nil:
			last = err
		}
		if !Transient(err) || errors.Is(err, errForgotten) || errors.Is(err, errNoParts) {
			return struct{}{}, backoff.Permanent(err)
		}
		if wait := hint.wait(); wait > 0 {
			return struct{}{}, &backoff.RetryAfterError{Duration: wait}
		}
		return struct{}{}, err
	}
	notify := func(_ error, wait time.Duration) {
		n++
		r.trouble.note(last)
		r.counters.retried()
		if r.Notify != nil {
			r.Notify(Attempt{Op: op, N: n, Err: last, Wait: wait})
		}
	}
	_, err := backoff.Retry(ctx, attempt, backoff.WithBackOff(r.policy()), backoff.WithNotify(notify),
		backoff.WithMaxElapsedTime(r.limit(ctx)))
	return r.verdict(ctx, err, last, time.Since(start))
}

// verdict turns the end of the attempts into what the caller sees.
func (r retrier) verdict(ctx context.Context, err, last error, after time.Duration) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), context.Canceled):
		return context.Cause(ctx)
	case !Transient(last):
		return last
	}
	return &gaveUp{after: after, err: last, stop: context.DeadlineExceeded}
}

func (r retrier) policy() backoff.BackOff {
	policy := backoff.NewExponentialBackOff()
	policy.InitialInterval, policy.MaxInterval, policy.Multiplier = firstWait, longestWait, 2
	if r.First > 0 {
		policy.InitialInterval = r.First
	}
	if r.Longest > 0 {
		policy.MaxInterval = r.Longest
	}
	return policy
}

func (r retrier) limit(ctx context.Context) time.Duration {
	if _, bounded := ctx.Deadline(); r.Limit > 0 || bounded {
		return r.Limit
	}
	return withoutLimit
}

// hint is what a registry said about when to come back, kept from the response since oras-go's errors do not hold it.
type hint struct{ nanoseconds atomic.Int64 }

type hintKey struct{}

func (h *hint) wait() time.Duration { return min(time.Duration(h.nanoseconds.Load()), maxHint) }

// hinting notes the Retry-After of responses that ask for patience.
type hinting struct{ base http.RoundTripper }

func (t hinting) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	h, ok := req.Context().Value(hintKey{}).(*hint)
	if ok && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
		h.nanoseconds.Store(int64(retryAfter(resp.Header.Get("Retry-After"), time.Now())))
	}
	return resp, nil
}

// retryAfter reads the header of RFC 9110 section 10.2.3: seconds or a date. What is neither, or past, is 0.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
