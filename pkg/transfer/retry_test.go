package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestE77TransientFailuresAreRetried(t *testing.T) {
	for name, make := range map[string]func(*testregistry.Registry) testregistry.Fault{
		"503":                             func(*testregistry.Registry) testregistry.Fault { return eachFirst(status(503)) },
		"429":                             func(*testregistry.Registry) testregistry.Fault { return eachFirst(status(429)) },
		"408":                             func(*testregistry.Registry) testregistry.Fault { return eachFirst(status(408)) },
		"500":                             func(*testregistry.Registry) testregistry.Fault { return eachFirst(status(500)) },
		"a reset":                         func(*testregistry.Registry) testregistry.Fault { return eachFirst(reset) },
		"a reset in the middle of a blob": breakOff,
	} {
		t.Run(name, func(t *testing.T) {
			registry := testregistry.Start(t)
			repo := repository(t, registry, "flaky")
			from, into := twoLayers(t), t.TempDir()
			registry.SetFault(make(registry))
			var counters transfer.Counters
			var told atomic.Int64
			retry := quick()
			retry.Notify = func(a transfer.Attempt) {
				told.Add(1)
				assert.Check(t, a.Err != nil && a.N > 0 && a.Op != "")
			}
			_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from.Path()), transfer.PushOptions{Retry: retry, Counters: &counters})
			assert.NilError(t, err)
			_, err = pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: retry, Counters: &counters})
			assert.NilError(t, err)
			assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
			assert.Assert(t, told.Load() > 0)
			assert.Equal(t, counters.Retries.Load(), told.Load())
		})
	}
}

func TestE77ABrokenPullGoesOnWhereItBroke(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "resume")
	push(t, repo, "v1", twoLayers(t).Path())
	var served atomic.Int64
	fault := breakOff(registry)
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if fault(w, r) {
			return true
		}
		registry.Serve(&counted{w, &served}, r)
		return true
	})
	pull(t, repo, "v1", t.TempDir())
	assert.Assert(t, served.Load() < 5<<20, "%d bytes were served again", served.Load())
}

func TestE77RetryAfterIsHeeded(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "patience")
	registry.SetFault(eachFirst(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}))
	retry := quick()
	var waits []time.Duration
	retry.Notify = func(a transfer.Attempt) { waits = append(waits, a.Wait) }
	_, err := transfer.Resolve(t.Context(), repo, "v1", retry)
	assert.ErrorIs(t, err, transfer.ErrNotFound)
	assert.DeepEqual(t, waits, []time.Duration{time.Second})
}

func TestE77FinalFailuresAreNotRetried(t *testing.T) {
	from := twoLayers(t)
	for _, code := range []int{400, 401, 403, 404, 405, 413, 507} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			registry := testregistry.Start(t)
			repo := repository(t, registry, "refused")
			registry.SetFault(status(code))
			retry := quick()
			retry.Notify = func(a transfer.Attempt) { t.Errorf("%d is retried: %v", code, a.Err) }
			_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from.Path()), transfer.PushOptions{Retry: retry, Concurrency: 1})
			assert.Assert(t, transfer.Final(err) && !transfer.Transient(err), err)
			assert.ErrorContains(t, err, "pushing "+registry.Host+"/refused:v1: ")
			failure, ok := errors.AsType[*transfer.Error](err)
			assert.Assert(t, ok)
			assert.Equal(t, failure.Op, transfer.OpPush)
			assert.Equal(t, failure.Side, transfer.SideRegistry)
			_, err = pullInto(t.Context(), repo, "v1", t.TempDir(), transfer.PullOptions{Retry: retry})
			assert.Assert(t, transfer.Final(err), err)
			assert.Equal(t, errors.Is(err, transfer.ErrNotFound), code == 404)
		})
	}
}

func TestE80ARegistryThatIsFullIsFinal(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "full")
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":"write /data: no space left on device"}]}`)
		return true
	})
	_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(twoLayers(t).Path()), transfer.PushOptions{Retry: quick()})
	assert.ErrorContains(t, err, "no space left on device")
	assert.Assert(t, transfer.Final(err))
}

func TestARegistryThatIsGoneKeepsTheRealCause(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "gone")
	registry.Stop()
	from := fs.NewDir(t, "from", fs.WithFile("f", "abc"))
	for name, retry := range map[string]transfer.Retry{
		"by the deadline of the context": {First: time.Millisecond},
		"by a limit of its own":          {First: time.Millisecond, Longest: time.Millisecond, Limit: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := transfer.Push(ctx, repo, "v1", transfer.Directory(from.Path()), transfer.PushOptions{Retry: retry})
			assert.Assert(t, transfer.Transient(err) && !transfer.Final(err), err)
			assert.ErrorIs(t, err, syscall.ECONNREFUSED)
			assert.ErrorContains(t, err, "pushing "+registry.Host+"/gone:v1: gave up after ")
			assert.ErrorContains(t, err, "connection refused")
			_, err = transfer.Resolve(ctx, repo, "v1", retry)
			assert.Assert(t, transfer.Transient(err), err)
		})
	}
}

func TestTimeThatEndsWhileReadingKeepsTheRealCause(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "slow")
	registry.SetFault(status(503))
	from := fs.NewDir(t, "from", fs.WithFile("f", "abc"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	src := stuck{transfer.Directory(from.Path())}
	_, err := transfer.Push(ctx, repo, "v1", src, transfer.PushOptions{Retry: quick()})
	assert.Assert(t, transfer.Transient(err), err)
	assert.ErrorContains(t, err, "gave up after 1")
}

// stuck is a source that opens nothing until the context is done.
type stuck struct{ transfer.Source }

func (stuck) Open(ctx context.Context, _ []tree.Path) ([]transfer.File, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestANameThatDoesNotResolveIsTransient(t *testing.T) {
	repo, err := transfer.Registry{Host: "registry.invalid:5000", PlainHTTP: true}.Repository("a")
	assert.NilError(t, err)
	_, err = transfer.Resolve(t.Context(), repo, "v1", transfer.Retry{First: time.Millisecond, Limit: time.Millisecond})
	assert.Assert(t, transfer.Transient(err), err)
}

func TestCancellingIsNeitherTransientNorFinal(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "cancelled")
	ctx, cancel := context.WithCancel(t.Context())
	registry.SetFault(func(http.ResponseWriter, *http.Request) bool {
		cancel()
		return false
	})
	into := t.TempDir()
	_, err := pullInto(ctx, repo, "v1", into, transfer.PullOptions{})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Assert(t, !transfer.Transient(err) && !transfer.Final(err))
	isEmpty(t, into)
}

func TestE85ABrokenPullGoesOnWithoutRanges(t *testing.T) {
	registry := testregistry.Start(t)
	repo, from := repository(t, registry, "rangeless"), twoLayers(t)
	push(t, repo, "v1", from.Path())
	broken := eachFirst(breakOff(registry))
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		if !broken(rangeless{w}, r) {
			registry.Serve(rangeless{w}, r)
		}
		return true
	})
	into := t.TempDir()
	var counters transfer.Counters
	_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick(), Counters: &counters})
	assert.NilError(t, err)
	assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
	assert.Assert(t, counters.Retries.Load() > 0)
}
