package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory" // registers the driver named below
	"gotest.tools/v3/assert"
)

// connected is a connection to a real registry.
func connected(t *testing.T, authorization string) *conn {
	t.Helper()
	cfg := &configuration.Configuration{Storage: configuration.Storage{"inmemory": nil}}
	cfg.HTTP.Secret = "0123456789abcdef"
	cfg.Log.Level = "panic"
	app := handlers.NewApp(t.Context(), cfg)
	return connectedTo(t, app, authorization)
}

func connectedTo(t *testing.T, handler http.Handler, authorization string) *conn {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := dial(t.Context(), server.Listener.Addr().String(), authorization)
	assert.NilError(t, err)
	t.Cleanup(c.close)
	return c
}

func TestWhatIsUploadedInOnePieceOrInChunksComesBack(t *testing.T) {
	made, err := (&files{dir: t.TempDir(), size: 3*mib + 5}).upTo(2)
	assert.NilError(t, err)
	data, err := small(7, smallSize)
	assert.NilError(t, err)
	c := connected(t, "")
	assert.NilError(t, c.upload(made[0], 0))
	assert.NilError(t, c.upload(made[1], mib))
	assert.NilError(t, c.upload(data, 0))
	for range 2 { // the connection is as good as new
		for _, b := range []blob{made[0], made[1], data} {
			assert.NilError(t, c.get(b))
			assert.NilError(t, c.check(b))
		}
	}
	assert.Assert(t, made[0].digest != made[1].digest)
}

func TestManifestsDifferAndAreTaken(t *testing.T) {
	c := connected(t, "")
	refers := make([]blob, 2)
	assert.NilError(t, uploadSmall(c, refers))
	digests := map[string]bool{}
	for number := range 3 {
		assert.NilError(t, c.putManifest(number, refers))
		answer, err := c.do(http.StatusOK, http.MethodHead, tagged(number), body{}, "Accept: "+manifestType)
		assert.NilError(t, err)
		digests[answer.Header.Get("Docker-Content-Digest")] = true
	}
	assert.Equal(t, len(digests), 3)
}

func TestWhatIsNotAsItShouldBeIsAnError(t *testing.T) {
	c := connected(t, "")
	unknown := blobOf([]byte("unknown"))
	assert.ErrorContains(t, c.get(unknown), "404 Not Found")
	assert.ErrorContains(t, c.upload(blob{body: bytesOf([]byte("x")), digest: unknown.digest}, 0), "DIGEST_INVALID")

	another := connectedTo(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "something else") }), "")
	assert.ErrorContains(t, another.get(unknown), "a blob of 7 bytes has 14")
	assert.ErrorContains(t, another.check(unknown), "comes as")
}

func TestABlobThatIsCutOffIsAnError(t *testing.T) {
	const said, sent = 1 << 20, 1 << 19
	c := connectedTo(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(said))
		_, _ = io.WriteString(w, strings.Repeat("x", sent)) // the server closes the connection, since there is not enough
	}), "")
	err := c.get(blob{body: body{size: said}, digest: "sha256:x"})
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestEachRequestSaysWhoSendsIt(t *testing.T) {
	const who = "Bearer of-a-step"
	c := connectedTo(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != who {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}), who)
	for range 2 {
		_, err := c.do(http.StatusOK, http.MethodGet, "/v2/", body{})
		assert.NilError(t, err)
	}
}

func TestAnAddressWhereNobodyListensIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	addr := l.Addr().String()
	assert.NilError(t, l.Close())
	_, err = dial(t.Context(), addr, "")
	assert.ErrorContains(t, err, "refused")
}
