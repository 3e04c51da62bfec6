package storage_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
	"github.com/converged-computing/oras-operator/test/minioserver"
)

// watched is a bucket's server whose requests are looked at first.
type watched struct {
	*minioserver.Server
	cfg     storage.Config
	killed  atomic.Pointer[func(*http.Request) bool] // whose first request is refused, and all that follow
	dead    atomic.Bool
	refused atomic.Pointer[func(*http.Request) bool] // whose first request is refused
	copied  atomic.Int64                             // requests that copied what an upload has into an upload
	whole   atomic.Int64                             // those that copied all of it
	last    atomic.Int64                             // the highest number of a part
}

func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{Server: minioserver.Start(t)}
	to := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: w.Addr})
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if at := w.killed.Load(); at != nil && (w.dead.Load() || (*at)(req)) {
			w.dead.Store(true)
			http.Error(rw, "", http.StatusForbidden)
			return
		}
		if refused := w.refused.Load(); refused != nil && (*refused)(req) && w.refused.CompareAndSwap(refused, nil) {
			http.Error(rw, "", http.StatusForbidden)
			return
		}
		w.note(req)
		to.ServeHTTP(rw, req)
	}))
	t.Cleanup(proxy.Close)
	w.cfg = storage.Config{S3: &storage.S3Config{
		Bucket: w.Bucket(t, "there"), Endpoint: proxy.URL, PathStyle: true, Insecure: true, CredentialsDir: w.Credentials(t),
	}}
	return w
}

func (w *watched) note(req *http.Request) {
	if isOfUpload(req) && isCopy(req) {
		w.copied.Add(1)
		if req.Header.Get("X-Amz-Copy-Source-Range") == "" {
			w.whole.Add(1)
		}
	}
	if number, err := strconv.ParseInt(req.URL.Query().Get("partNumber"), 10, 64); err == nil {
		w.last.Store(max(number, w.last.Load()))
	}
}

// kill has a process get no further than a request, as far as the bucket is concerned.
func (w *watched) kill(at func(*http.Request) bool) { w.killed.Store(&at) }

// refuse has the bucket refuse one of some requests.
func (w *watched) refuse(some func(*http.Request) bool) { w.refused.Store(&some) }

func (w *watched) refusing() bool { return w.refused.Load() != nil }

func (w *watched) restart() {
	w.killed.Store(nil)
	w.dead.Store(false)
}

func isOfUpload(req *http.Request) bool { return strings.Contains(req.URL.Path, "/_uploads/") }

func isCopy(req *http.Request) bool { return req.Header.Get("X-Amz-Copy-Source") != "" }

func begins(req *http.Request) bool {
	return req.Method == http.MethodPost && req.URL.Query().Has("uploads")
}

func reads(req *http.Request) bool {
	return req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/data") && req.URL.RawQuery == ""
}

func copies(req *http.Request) bool { return isOfUpload(req) && isCopy(req) }

func moves(req *http.Request) bool { return !isOfUpload(req) && isCopy(req) }

func links(req *http.Request) bool {
	return req.Method == http.MethodPut && strings.Contains(req.URL.Path, "/_layers/")
}

// copiesPart is of the requests that copy that part.
func copiesPart(number string) func(*http.Request) bool {
	return func(req *http.Request) bool { return copies(req) && req.URL.Query().Get("partNumber") == number }
}

func TestAnUploadToABucketGoesOnWhereverAProcessIsKilled(t *testing.T) {
	const rest = 2000
	for name, tt := range map[string]struct {
		chunks []int // that arrive, in bytes
		at     func(*http.Request) bool
		lost   int   // bytes of the rest that do not arrive
		copies int64 // that are made of what has arrived, in all
	}{
		"few bytes, which are whole":                {[]int{1000}, begins, rest, 1},
		"few bytes, which are read to begin anew":   {[]int{1000}, reads, rest, 1},
		"many bytes, which are copied":              {[]int{6 << 20, 1000}, copies, rest, 1},
		"more bytes, whose first piece is missing":  {[]int{30 << 20, 1000}, copiesPart("1"), rest, 2},
		"more bytes, whose second piece is missing": {[]int{30 << 20, 1000}, copiesPart("2"), rest, 2},
		"all, which is no blob yet":                 {[]int{1000}, moves, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := watch(t)
			store := server.open(t, 100)
			client := serve(t, store, nil)
			has := 0
			for _, size := range tt.chunks {
				has += size
			}
			content := text(has + rest)
			d := digest.FromString(content)
			location := client.send(t, content, tt.chunks...)
			server.kill(tt.at)
			res := client.do(t, http.MethodPut, location+"&digest="+d.String(), content[has:])
			assert.Assert(t, res.StatusCode >= http.StatusInternalServerError, res.Status)
			assert.Assert(t, server.dead.Load())
			server.restart()
			has = len(content) - tt.lost
			copied := server.copied.Load()

			res = client.do(t, http.MethodGet, location, "")
			assert.Equal(t, res.StatusCode, http.StatusNoContent)
			assert.Equal(t, res.Header.Get("Range"), fmt.Sprintf("0-%d", has-1))
			assert.Equal(t, server.copied.Load(), copied, "copied for a question")
			res = client.do(t, http.MethodPut, res.Header.Get("Location")+"&digest="+d.String(), content[has:])
			assert.Equal(t, res.StatusCode, http.StatusCreated)
			assert.Equal(t, server.copied.Load(), tt.copies)
			got(t, store, layout.BlobData(d), content)
			assertNoUploads(t, store)
		})
	}
}

func TestAnUploadToABucketGoesOnWhateverTheBucketRefuses(t *testing.T) {
	lists := func(req *http.Request) bool { return req.Method == http.MethodGet && req.URL.Query().Has("uploads") }
	completes := func(req *http.Request) bool { return req.Method == http.MethodPost && req.URL.Query().Has("uploadId") }
	putsPart := func(number string) func(*http.Request) bool {
		return func(req *http.Request) bool {
			return req.Method == http.MethodPut && !isCopy(req) && req.URL.Query().Get("partNumber") == number
		}
	}
	for name, tt := range map[string]struct {
		chunks  []int // that arrive, in bytes
		next    int
		some    func(*http.Request) bool // requests that are refused, once
		arrives int                      // bytes of the next chunk
	}{
		"a part of many":                      {[]int{16 << 20}, 40 << 20, putsPart("3"), 16 << 20},
		"the last part":                       {[]int{16 << 20}, 20 << 20, putsPart("3"), 16 << 20},
		"the part that begins with an object": {[]int{1000}, 2000, putsPart("1"), 0},
		"to say what there is":                {[]int{30 << 20, 1000, 1000}, 2000, lists, 0},
		"to make an object":                   {[]int{6 << 20, 1000}, 2000, completes, 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := watch(t)
			store := server.open(t, 100)
			client := serve(t, store, nil)
			has := 0
			for _, size := range tt.chunks {
				has += size
			}
			content := text(has + tt.next)
			d := digest.FromString(content)
			location := client.send(t, content, tt.chunks...)
			server.refuse(tt.some)
			res := client.do(t, http.MethodPatch, location, content[has:])
			assert.Assert(t, !server.refusing())
			has += tt.arrives
			received := fmt.Sprintf("0-%d", has-1)
			if res.StatusCode == http.StatusAccepted {
				assert.Equal(t, res.Header.Get("Range"), received)
			} else {
				assert.Assert(t, res.StatusCode >= http.StatusInternalServerError, res.Status)
			}

			res = client.do(t, http.MethodGet, location, "")
			assert.Equal(t, res.StatusCode, http.StatusNoContent)
			assert.Equal(t, res.Header.Get("Range"), received)
			res = client.do(t, http.MethodPut, res.Header.Get("Location")+"&digest="+d.String(), content[has:])
			assert.Equal(t, res.StatusCode, http.StatusCreated)
			got(t, store, layout.BlobData(d), content)
		})
	}
}

func TestABucketThatDoesNotSayWhatThereIsIsNotMistakenForLess(t *testing.T) {
	server := watch(t)
	client := serve(t, server.open(t, 100), nil)
	location := client.send(t, text(31<<20), 30<<20, 1000, 2000) // 30 MiB and 1,000 bytes are an object as well
	server.refuse(func(req *http.Request) bool { return req.Method == http.MethodGet && req.URL.Query().Has("uploads") })
	res := client.do(t, http.MethodGet, location, "")
	assert.Assert(t, res.StatusCode >= http.StatusInternalServerError, res.Status)
	assert.Assert(t, !server.refusing())
}

func TestAnUploadThatIsABlobIsForgottenWhenItsProcessIsKilled(t *testing.T) {
	server := watch(t)
	client := serve(t, open(t, server.cfg), nil)
	const content = "hello"
	d := digest.FromString(content)
	location := client.begin(t)
	server.kill(links)
	res := client.do(t, http.MethodPut, location+"&digest="+d.String(), content)
	assert.Assert(t, res.StatusCode >= http.StatusInternalServerError, res.Status)
	server.restart()
	for _, method := range []string{http.MethodGet, http.MethodPatch} {
		assert.Equal(t, client.do(t, method, location, "").StatusCode, http.StatusNotFound)
	}
	assert.Equal(t, client.upload(t, content, d).StatusCode, http.StatusCreated)
}

// The parts are those of our own client.
func TestNothingIsCopiedWhileABucketTakesPartsOf64MiB(t *testing.T) {
	server := watch(t)
	client := serve(t, open(t, server.cfg), nil)
	const part = 64 << 20
	content := text(part + 1)
	res := client.do(t, http.MethodPut, client.send(t, content, part, 1)+"&digest="+digest.FromString(content).String(), "")
	assert.Equal(t, res.StatusCode, http.StatusCreated)
	assert.Equal(t, server.copied.Load(), int64(0))
}

func TestABlobMayBeAsLargeAsABucketTakes(t *testing.T) {
	const parts = 3
	server := watch(t)
	server.upload(t, parts, 60<<20, 40<<20)
	assert.Assert(t, server.copied.Load() > 0)
	assert.Assert(t, server.last.Load() <= parts, "part %d", server.last.Load())
}

func TestWhatIsLargeIsCopiedInPiecesAfterASmallPart(t *testing.T) {
	server := watch(t)
	server.upload(t, 100, 30<<20, 1000, 1000)
	assert.Equal(t, server.copied.Load(), int64(2))
	assert.Equal(t, server.whole.Load(), int64(0))
}

func TestWhoWasOvertakenMakesNothingWholeThatOthersGoOnWith(t *testing.T) {
	server := watch(t)
	store := server.open(t, 100)
	write(t, store, uploadDir+"/data", text(30<<20), false)
	write(t, store, uploadDir+"/data", text(1000), true)
	slow, err := store.Driver().Writer(t.Context(), uploadDir+"/data", true)
	assert.NilError(t, err)
	write(t, store, uploadDir+"/data", text(6<<20), true)

	_, err = slow.Write([]byte("x"))
	assert.ErrorContains(t, err, "another request goes on with this upload")
	assert.NilError(t, slow.Close())
	writer, err := store.Driver().Writer(t.Context(), uploadDir+"/data", true)
	assert.NilError(t, err)
	assert.Equal(t, writer.Size(), int64(36<<20+1000))
	assert.NilError(t, writer.Close())
}

// open opens the bucket, where an object is written in no more than so many parts, and copied in pieces of 24 MiB.
func (w *watched) open(t *testing.T, parts int) *storage.Store {
	t.Helper()
	store, err := storage.OpenLimited(t.Context(), *w.cfg.S3, parts, 24<<20)
	assert.NilError(t, err)
	return store
}

// upload uploads a blob in chunks of those sizes, in bytes, to a bucket where an object has no more than so many parts, and reads it.
func (w *watched) upload(t *testing.T, parts int, chunks ...int) {
	t.Helper()
	store := w.open(t, parts)
	client := serve(t, store, nil)
	size := 0
	for _, chunk := range chunks {
		size += chunk
	}
	content := text(size)
	d := digest.FromString(content)
	res := client.do(t, http.MethodPut, client.send(t, content, chunks...)+"&digest="+d.String(), "")
	assert.Equal(t, res.StatusCode, http.StatusCreated)
	res = client.do(t, http.MethodGet, client.url(d), "")
	assert.Equal(t, res.StatusCode, http.StatusOK)
	body, err := io.ReadAll(res.Body)
	assert.NilError(t, err)
	assert.Equal(t, digest.FromBytes(body), d)
	assertNoUploads(t, store)
}

// send begins an upload, sends chunks of those sizes, in bytes, and returns where it goes on.
func (l library) send(t *testing.T, content string, chunks ...int) (location string) {
	t.Helper()
	location = l.begin(t)
	for _, size := range chunks {
		res := l.do(t, http.MethodPatch, location, content[:size])
		assert.Equal(t, res.StatusCode, http.StatusAccepted)
		location, content = res.Header.Get("Location"), content[size:]
	}
	return location
}
