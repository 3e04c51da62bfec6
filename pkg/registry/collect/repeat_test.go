package collect

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// TestTheEndOfAnUploadMayBeRepeated holds for what stock clients do after a 503: they send the same request to the same place.
func TestTheEndOfAnUploadMayBeRepeated(t *testing.T) {
	for name, pieces := range map[string]struct{ before, last string }{
		"with all of the blob":  {"", "lost"},
		"with none of the blob": {"lost", ""},
		"with some of the blob": {"lo", "st"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{}, func(t *testing.T, w *world) {
				d := condemnLost(t, w)
				location := w.do(http.MethodPost, "/v2/new/blobs/uploads/", "", http.NoBody).Header.Get("Location")
				if pieces.before != "" {
					location = w.do(http.MethodPatch, location, "", strings.NewReader(pieces.before)).Header.Get("Location")
				}
				end := func() *http.Response {
					return w.do(http.MethodPut, location+"&digest="+d.String(), "", strings.NewReader(pieces.last))
				}
				w.collector.Gate().condemn(listed{blobNode(d): time.Now()})
				assert.Equal(t, end().StatusCode, http.StatusServiceUnavailable)
				assert.Equal(t, end().StatusCode, http.StatusServiceUnavailable)
				assert.Assert(t, !w.there(t, layout.Layer("new", d)))
				w.collector.Gate().condemn(nil)
				for range 2 { // the first answer may be lost
					answer := end()
					assert.Equal(t, answer.StatusCode, http.StatusCreated)
					assert.Equal(t, answer.Header.Get("Docker-Content-Digest"), d.String())
					assert.Equal(t, answer.Header.Get("Location"), blobURL("new", d))
				}
				content, status := w.get(blobURL("new", d))
				assert.Equal(t, status, http.StatusOK)
				assert.Equal(t, string(content), "lost")
				w.collector.Gate().condemn(listed{blobNode(d): time.Now()})
				assert.Equal(t, end().StatusCode, http.StatusServiceUnavailable, "who repeats makes use of the blob too")
			})
		})
	}
}

func TestWithReplicasTheEndOfALateUploadMayBeRepeated(t *testing.T) {
	inWorld(t, Options{Shared: true}, func(t *testing.T, w *world) {
		d := digest.FromString("late")
		location := w.do(http.MethodPost, "/v2/step/blobs/uploads/", "", http.NoBody).Header.Get("Location")
		end := func() int {
			return w.do(http.MethodPut, location+"&digest="+d.String(), "", strings.NewReader("late")).StatusCode
		}
		w.slowly("/v2/step/blobs/uploads/", DefaultSettle)
		slow := w.client
		w.client = client{http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
			time.AfterFunc(DefaultSettle/2, func() { w.collector.Gate().condemn(listed{blobNode(d): time.Now()}) })
			slow.ServeHTTP(answer, r)
		})}
		assert.Equal(t, end(), http.StatusServiceUnavailable)
		w.collector.Gate().condemn(nil)
		w.slowly("/v2/none", 0)
		assert.Equal(t, end(), http.StatusCreated)
	})
}

func TestAnUploadThatIsRepeatedWithSomethingElseIsRefused(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		d := condemnLost(t, w)
		location := w.do(http.MethodPost, "/v2/new/blobs/uploads/", "", http.NoBody).Header.Get("Location")
		end := func(d digest.Digest, text string) int {
			return w.do(http.MethodPut, location+"&digest="+d.String(), "", strings.NewReader(text)).StatusCode
		}
		w.collector.Gate().condemn(listed{blobNode(d): time.Now()})
		assert.Equal(t, end(d, "lost"), http.StatusServiceUnavailable)
		w.collector.Gate().condemn(nil)
		assert.Equal(t, end(d, "longer"), http.StatusRequestedRangeNotSatisfiable)
		assert.Equal(t, end(digest.FromString("sent"), "sent"), http.StatusBadRequest)
	})
}

// TestTheEndOfAnUploadThatIsRepeatedLongAfterIsNotAcknowledged would otherwise leave the client less than the grace period to push a
// manifest of the blob.
func TestTheEndOfAnUploadThatIsRepeatedLongAfterIsNotAcknowledged(t *testing.T) {
	for name, text := range map[string]string{"with all of the blob": "lost", "with none of the blob": ""} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{}, func(t *testing.T, w *world) {
				d := digest.FromString("lost")
				location := w.do(http.MethodPost, "/v2/new/blobs/uploads/", "", http.NoBody).Header.Get("Location")
				end := func(text string) int {
					return w.do(http.MethodPut, location+"&digest="+d.String(), "", strings.NewReader(text)).StatusCode
				}
				assert.Equal(t, end("lost"), http.StatusCreated)
				age()
				assert.Equal(t, end(text), http.StatusCreated, "nobody has quarantined it")
				w.collect(t)
				assert.Equal(t, end(text), http.StatusNotFound)
				assert.Equal(t, w.upload("other", d, []byte("lost")), http.StatusCreated)
				assert.Equal(t, end(text), http.StatusNotFound, "it was sent again to another repository only")
			})
		})
	}
}
