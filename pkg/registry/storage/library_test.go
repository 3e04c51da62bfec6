package storage_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// library is the library's registry, on a storage of ours. What is done with it is done in the repository step.
type library struct{ *httptest.Server }

// serve runs the library until the test ends. Each request goes through change first, unless that is nil.
func serve(t *testing.T, store *storage.Store, change func(*http.Request) *http.Request) library {
	t.Helper()
	cfg := &configuration.Configuration{Storage: storage.Library(store.Driver())}
	cfg.Storage["delete"] = configuration.Parameters{"enabled": true}
	cfg.Storage["redirect"] = configuration.Parameters{"disable": true}
	cfg.Storage["maintenance"] = configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}}
	cfg.HTTP.Secret = "the same for all"
	app := handlers.NewApp(t.Context(), cfg)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change != nil {
			r = change(r)
		}
		app.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.Close()
		assert.NilError(t, app.Shutdown())
	})
	return library{server}
}

func (l library) do(t *testing.T, method, url, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	assert.NilError(t, err)
	if strings.Contains(url, "/manifests/") {
		req.Header.Set("Content-Type", ocispec.MediaTypeImageManifest)
		req.Header.Set("Accept", ocispec.MediaTypeImageManifest)
	}
	res, err := l.Client().Do(req)
	assert.NilError(t, err)
	content, err := io.ReadAll(res.Body)
	assert.NilError(t, err)
	assert.NilError(t, res.Body.Close())
	res.Body = io.NopCloser(strings.NewReader(string(content)))
	return res
}

func (l library) url(d digest.Digest) string {
	return l.URL + "/v2/step/blobs/" + d.String()
}

// begin begins an upload and returns where it goes on.
func (l library) begin(t *testing.T) string {
	t.Helper()
	res := l.do(t, http.MethodPost, l.URL+"/v2/step/blobs/uploads/", "")
	assert.Equal(t, res.StatusCode, http.StatusAccepted)
	return res.Header.Get("Location")
}

// upload uploads a blob in two requests.
func (l library) upload(t *testing.T, content string, d digest.Digest) *http.Response {
	t.Helper()
	return l.do(t, http.MethodPut, l.begin(t)+"&digest="+d.String(), content)
}

// manifest is one of a layer and an empty configuration.
func manifest(config, layer digest.Digest) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":2},"layers":[{"mediaType":"x/y","digest":%q,"size":5}]}`,
		ocispec.MediaTypeImageManifest, ocispec.MediaTypeEmptyJSON, config, layer)
}

func TestTheLibraryRunsOnAStorageThatIsOpen(t *testing.T) {
	// Two in one process: the library is told of each by its configuration alone.
	for range 2 {
		store := open(t, storage.Config{Root: t.TempDir()})
		server := serve(t, store, nil)
		config, layer := digest.FromString("{}"), digest.FromString("hello")
		assert.Equal(t, server.upload(t, "{}", config).StatusCode, http.StatusCreated)
		assert.Equal(t, server.upload(t, "hello", layer).StatusCode, http.StatusCreated)
		got(t, store, layout.BlobData(layer), "hello")
		tag := server.URL + "/v2/step/manifests/v1"
		assert.Equal(t, server.do(t, http.MethodPut, tag, manifest(config, layer)).StatusCode, http.StatusCreated)
		assert.Equal(t, server.do(t, http.MethodGet, tag, "").StatusCode, http.StatusOK)
		assert.Equal(t, server.do(t, http.MethodDelete, tag, "").StatusCode, http.StatusAccepted)
		assert.Equal(t, server.do(t, http.MethodGet, tag, "").StatusCode, http.StatusNotFound)
	}
}

func TestAnUploadWhoseDigestIsWrongLeavesNothing(t *testing.T) {
	store := open(t, storage.Config{Root: t.TempDir()})
	server := serve(t, store, nil)
	res := server.upload(t, "hello", digest.FromString("something else"))
	assert.Equal(t, res.StatusCode, http.StatusBadRequest)
	assertNoUploads(t, store)
}

func TestAnUploadGoesOnAfterARestart(t *testing.T) {
	root := t.TempDir()
	content := text(3 << 20)
	store := open(t, storage.Config{Root: root})
	first := serve(t, store, nil)
	res := first.do(t, http.MethodPatch, first.begin(t), content[:1<<20])
	assert.Equal(t, res.StatusCode, http.StatusAccepted)
	assert.NilError(t, store.Close())

	store = open(t, storage.Config{Root: root})
	second := serve(t, store, nil)
	location := strings.Replace(res.Header.Get("Location"), first.URL, second.URL, 1)
	res = second.do(t, http.MethodPatch, location, content[1<<20:2<<20])
	assert.Equal(t, res.StatusCode, http.StatusAccepted)
	d := digest.FromString(content)
	res = second.do(t, http.MethodPut, res.Header.Get("Location")+"&digest="+d.String(), content[2<<20:])
	assert.Equal(t, res.StatusCode, http.StatusCreated)
	got(t, store, layout.BlobData(d), content)
	assertNoUploads(t, store)
}

// Clients that send chunks end an upload with a request that brings nothing, which would read all of it again.
func TestWhatWasHashedAsItCameIsNotReadAgain(t *testing.T) {
	root := t.TempDir()
	store := open(t, storage.Config{Root: root})
	server := serve(t, store, nil)
	content := text(2 << 20)
	location := server.begin(t)
	for _, chunk := range []string{content[:1<<20], content[1<<20:]} {
		res := server.do(t, http.MethodPatch, location, chunk)
		assert.Equal(t, res.StatusCode, http.StatusAccepted)
		location = res.Header.Get("Location")
	}
	// Whoever reads it finds something else.
	files, err := filepath.Glob(filepath.Join(root, layout.Repositories, "step/_uploads/*/data"))
	assert.NilError(t, err)
	assert.Equal(t, len(files), 1)
	assert.NilError(t, os.WriteFile(files[0], []byte(strings.Repeat("x", len(content))), 0o600))
	res := server.do(t, http.MethodPut, location+"&digest="+digest.FromString(content).String(), "")
	assert.Equal(t, res.StatusCode, http.StatusCreated)
}

// What it costs: each sync waits for the disk.
func TestABlobAndAManifestAreSyncedNoMoreThanNeeded(t *testing.T) {
	store, record := recorded(t)
	server := serve(t, store, nil)
	config, layer, other := digest.FromString("{}"), digest.FromString("hello"), digest.FromString("other")
	assert.Equal(t, server.upload(t, "{}", config).StatusCode, http.StatusCreated)
	record.take()

	assert.Equal(t, server.upload(t, "hello", layer).StatusCode, http.StatusCreated)
	// The data, the link, and the new directories of both: of the digest, and of the blob its first two digits.
	assert.Equal(t, len(record.take()), 7)
	assert.Equal(t, server.upload(t, "hello", layer).StatusCode, http.StatusCreated)
	// The data again, since it is not known before it is whole, and the link.
	assert.Equal(t, len(record.take()), 3)
	assert.Equal(t, server.upload(t, "other", other).StatusCode, http.StatusCreated)
	record.take()

	tag := server.URL + "/v2/step/manifests/v1"
	assert.Equal(t, server.do(t, http.MethodPut, tag, manifest(config, layer)).StatusCode, http.StatusCreated)
	record.take()
	assert.Equal(t, server.do(t, http.MethodPut, tag, manifest(config, other)).StatusCode, http.StatusCreated)
	// The manifest as a blob, its link, the tag's list of all that it named, each with new directories, and the tag.
	assert.Equal(t, len(record.take()), 4+3+3+2)
}
