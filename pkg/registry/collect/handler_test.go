package collect

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

const form = "application/x-www-form-urlencoded" // what curl calls every body

func TestABodyIsNotTakenForParameters(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		d := digest.FromString("lost")
		assert.Equal(t, w.upload("step", d, []byte("lost")), http.StatusCreated)
		age()
		w.collect(t)
		mount := strings.NewReader("from=step&mount=" + d.String())
		assert.Equal(t, w.do(http.MethodPost, "/v2/other/blobs/uploads/", form, mount).StatusCode, http.StatusAccepted)

		begun := w.do(http.MethodPost, "/v2/step/blobs/uploads/", form, http.NoBody)
		end := w.do(http.MethodPut, begun.Header.Get("Location")+"&digest="+digest.FromString("a=b").String(), form, strings.NewReader("a=b"))
		assert.Equal(t, end.StatusCode, http.StatusCreated)
	})
}

func TestAManifestThatIsTooLargeIsRefused(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		for size, want := range map[int]int{maxManifest: http.StatusBadRequest, maxManifest + 1: http.StatusRequestEntityTooLarge} {
			response := w.do(http.MethodPut, manifestURL("step", "v1"), "", bytes.NewReader(make([]byte, size)))
			assert.Equal(t, response.StatusCode, want)
		}
	})
}

func TestAnUploadInPiecesIsPassedOn(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		location := w.do(http.MethodPost, "/v2/step/blobs/uploads/", "", http.NoBody).Header.Get("Location")
		piece := w.do(http.MethodPatch, location, "application/octet-stream", strings.NewReader("one"))
		assert.Equal(t, piece.StatusCode, http.StatusAccepted)
		d := digest.FromString("one")
		end := w.do(http.MethodPut, piece.Header.Get("Location")+"&digest="+d.String(), "", http.NoBody)
		assert.Equal(t, end.StatusCode, http.StatusCreated)
		assert.Equal(t, end.Header.Get("Docker-Content-Digest"), d.String())
		assert.Assert(t, w.has("step", d))
	})
}
