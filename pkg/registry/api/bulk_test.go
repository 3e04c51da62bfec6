package api_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/api"
)

// pieces are what a library gets of an upload.
type pieces struct {
	bytes.Buffer
	largest int
	refuse  error // what it says of each piece
}

func (p *pieces) Write(b []byte) (int, error) {
	if p.refuse != nil {
		return 0, p.refuse
	}
	p.largest = max(p.largest, len(b))
	return p.Buffer.Write(b)
}

// take has a library take the body of a request that has so many bytes, or -1 if that is not known.
func (p *pieces) take(method string, body io.Reader, length int64) (err error) {
	library := http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, err = io.Copy(struct{ io.Writer }{p}, req.Body)
	})
	req := httptest.NewRequest(method, "/v2/step/blobs/uploads/id?digest=sha256:"+strings.Repeat("0", 64), body)
	req.ContentLength = length
	api.New(api.Options{Library: library, Root: "/"}).ServeHTTP(httptest.NewRecorder(), req)
	return err
}

func TestALargeUploadIsPassedOnInLargePieces(t *testing.T) {
	content := strings.Repeat("0123456789", 100_000)
	for name, length := range map[string]int64{"of known length": int64(len(content)), "of unknown length": -1} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{http.MethodPatch, http.MethodPut} {
				got := &pieces{}
				assert.NilError(t, got.take(method, strings.NewReader(content), length))
				assert.Equal(t, got.largest, 256<<10, method)
				assert.Assert(t, got.String() == content, method)
			}
		})
	}
}

func TestASmallUploadIsPassedOnWhole(t *testing.T) {
	got := &pieces{}
	assert.NilError(t, got.take(http.MethodPut, strings.NewReader("hello"), 5))
	assert.Equal(t, got.String(), "hello")
}

func TestAnUploadThatBreaksOffSaysSo(t *testing.T) {
	broken := errors.New("broken")
	got := &pieces{}
	err := got.take(http.MethodPatch, io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(broken)), -1)
	assert.ErrorIs(t, err, broken)
	assert.Equal(t, got.String(), "hello", "what came before counts")

	full := &pieces{refuse: errors.New("full")}
	assert.ErrorIs(t, full.take(http.MethodPatch, strings.NewReader("hello"), -1), full.refuse)
}

// TestALargeUploadGoesToABucket holds for pieces of any size: the library would forget the hash of what a bucket's driver still has.
func TestALargeUploadGoesToABucket(t *testing.T) {
	r := startInBucket(t)
	random := rand.NewChaCha8([32]byte{})
	for name, sizes := range map[string][]int{
		"at once":                 {6 << 20},
		"at once, and not much":   {300 << 10},
		"before its end":          {3 << 20, 0},
		"before and with its end": {11 << 20, 300 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			location := r.want(http.StatusAccepted, "POST", "/v2/step/blobs/uploads/", "").header.Get("Location")
			hash := digest.Canonical.Digester()
			for i, size := range sizes {
				piece := make([]byte, size)
				_, _ = random.Read(piece)
				_, _ = hash.Hash().Write(piece)
				if i < len(sizes)-1 {
					location = r.want(http.StatusAccepted, "PATCH", location, string(piece)).header.Get("Location")
					continue
				}
				r.want(http.StatusCreated, "PUT", location+"&digest="+hash.Digest().String(), string(piece))
			}
			got := r.want(http.StatusOK, "GET", "/v2/step/blobs/"+hash.Digest().String(), "")
			assert.Equal(t, digest.FromString(got.body), hash.Digest())
		})
	}
}
