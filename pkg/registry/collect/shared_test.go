package collect

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// replica is another process on the storage of w.
func (w *world) replica(opts Options) *world {
	other := &world{driver: &faulty{StorageDriver: w.driver.StorageDriver}, app: w.app}
	other.restart(opts)
	return other
}

func TestAReplicaHidesWhatAnotherQuarantines(t *testing.T) {
	opts := Options{Shared: true}
	inWorld(t, opts, func(t *testing.T, w *world) {
		other := w.replica(opts)
		d := digest.FromString("lost")
		assert.Equal(t, w.upload("step", d, []byte("lost")), http.StatusCreated)
		age()
		assert.Assert(t, other.has("step", d))
		w.collect(t)
		time.Sleep(DefaultSettle) // by then it knows
		assert.Assert(t, !other.has("step", d))
		assert.Equal(t, other.upload("step", d, []byte("lost")), http.StatusCreated)
		assert.Assert(t, other.has("step", d))
		assert.Assert(t, w.has("step", d))
	})
}

func TestAReplicaWaitsForWhatAnotherCondemned(t *testing.T) {
	opts := Options{Shared: true}
	inWorld(t, opts, func(t *testing.T, w *world) {
		other := w.replica(opts)
		condemnLost(t, w)
		done := make(chan error, 1)
		go func() {
			_, err := w.collector.Collect(t.Context())
			done <- err
		}()
		synctest.Wait() // it settles now
		assert.Assert(t, w.there(t, condemnedRecord))
		began := time.Now()
		assert.Equal(t, other.upload("new", digest.FromString("lost"), []byte("lost")), http.StatusCreated)
		assert.Assert(t, time.Since(began) >= DefaultSettle)
		assert.NilError(t, <-done)
		assert.Assert(t, w.there(t, data("lost")), "it was written after it was removed")
	})
}

func TestWhoBeganAtAReplicaIsSeen(t *testing.T) {
	opts := Options{Shared: true}
	inWorld(t, opts, func(t *testing.T, w *world) {
		condemnLost(t, w)
		other := w.replica(opts)
		assert.Assert(t, !other.has("step", digest.FromString("other")), "it has read the records")
		done := make(chan error, 1)
		go func() {
			_, err := w.collector.Collect(t.Context())
			done <- err
		}()
		synctest.Wait()
		// It does not know yet who is condemned.
		assert.Equal(t, other.put("step", "v1", manifest("", "lost")), http.StatusCreated)
		assert.NilError(t, <-done)
		w.pulls(t, "step", "v1")
	})
}

// slowly makes the library take so long for a change below a path.
func (w *world) slowly(below string, long time.Duration) {
	next := w.app
	w.client = client{w.collector.Gate().Handler(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(answer, r)
		if strings.HasPrefix(r.URL.Path, below) {
			time.Sleep(long)
		}
	}))}
}

func TestWithReplicasALateManifestIsNotAcknowledged(t *testing.T) {
	inWorld(t, Options{Shared: true}, func(t *testing.T, w *world) {
		assert.Equal(t, w.upload("step", digest.FromString("{}"), []byte("{}")), http.StatusCreated)
		w.slowly("/v2/step/manifests", DefaultSettle)
		assert.Equal(t, w.put("step", "v1", manifest("")), http.StatusServiceUnavailable)
		w.slowly("/v2/step/manifests", DefaultSettle/4)
		assert.Equal(t, w.put("step", "v1", manifest("")), http.StatusCreated)
	})
}

func TestWithReplicasALateUploadIsLookedAtAnew(t *testing.T) {
	inWorld(t, Options{Shared: true}, func(t *testing.T, w *world) {
		w.slowly("/v2/step/blobs/uploads/", DefaultSettle)
		d := digest.FromString("late")
		assert.Equal(t, w.upload("step", d, []byte("late")), http.StatusCreated)

		gone := w.app
		w.app = http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
			gone.ServeHTTP(answer, r)
			assert.Check(t, ignoreMissing(w.driver.Delete(t.Context(), layout.Layer("step", d))))
		})
		w.slowly("/v2/step/blobs/uploads/", DefaultSettle)
		assert.Equal(t, w.upload("step", d, []byte("late")), http.StatusServiceUnavailable)
	})
}

func TestWhoLosesTheTurnRemovesNothingAndLeavesTheRecord(t *testing.T) {
	opts := Options{Shared: true}
	inWorld(t, opts, func(t *testing.T, w *world) {
		condemnLost(t, w)
		ctx, lose := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := w.collector.Collect(ctx)
			done <- err
		}()
		synctest.Wait()
		lose()
		assert.ErrorIs(t, <-done, context.Canceled)
		assert.Assert(t, w.there(t, data("lost")))
		assert.Assert(t, w.there(t, condemnedRecord))

		other := w.replica(opts)
		assert.NilError(t, other.collector.Finish(t.Context()))
		assert.Assert(t, !w.there(t, data("lost")))
		assert.Equal(t, w.upload("step", digest.FromString("lost"), []byte("lost")), http.StatusCreated)
	})
}

func TestWhoIsOverruledRemovesNothing(t *testing.T) {
	opts := Options{Shared: true}
	inWorld(t, opts, func(t *testing.T, w *world) {
		condemnLost(t, w)
		done := make(chan error, 1)
		go func() {
			_, err := w.collector.Collect(t.Context())
			done <- err
		}()
		synctest.Wait()
		assert.NilError(t, w.driver.Delete(t.Context(), condemnedRecord)) // another pardons
		assert.ErrorIs(t, <-done, errOverruled)
		assert.Assert(t, w.there(t, data("lost")))
	})
}
