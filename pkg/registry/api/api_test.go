package api_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/api"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
	"github.com/converged-computing/oras-operator/test/minioserver"
)

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard)
	m.Run()
}

// registry is an API with its library and storage.
type registry struct {
	t       *testing.T
	url     string
	driver  storagedriver.StorageDriver
	library http.Handler
	handler http.Handler
	root    string
}

// start serves an API over a directory; from its files, if files is true.
func start(t *testing.T, files bool) registry {
	t.Helper()
	root := t.TempDir()
	driver, err := filesystem.FromParameters(map[string]any{"rootdirectory": root})
	assert.NilError(t, err)
	of := configuration.Storage{"filesystem": {"rootdirectory": root}}
	if files {
		return startOver(t, of, driver, root)
	}
	r := startOver(t, of, driver, "")
	r.root = root
	return r
}

// startInBucket serves an API over a bucket of a real server.
func startInBucket(t *testing.T) registry {
	t.Helper()
	server := minioserver.Start(t)
	store, err := storage.Open(t.Context(), storage.Config{S3: &storage.S3Config{
		Bucket: server.Bucket(t, "bucket"), Endpoint: server.Addr,
		PathStyle: true, Insecure: true, CredentialsDir: server.Credentials(t),
	}}, slog.New(slog.DiscardHandler))
	assert.NilError(t, err)
	return startOver(t, storage.Library(store.Driver()), store.Driver(), "")
}

// startOver serves an API over what the library's configuration says, for which driver stands.
func startOver(t *testing.T, of configuration.Storage, driver storagedriver.StorageDriver, root string) registry {
	t.Helper()
	of["delete"] = configuration.Parameters{"enabled": true}
	cfg := &configuration.Configuration{Storage: of}
	cfg.Catalog.MaxEntries, cfg.Tags.MaxTags = api.MaxPage, api.MaxPage
	cfg.HTTP.RelativeURLs = true
	app := handlers.NewApp(t.Context(), cfg)
	t.Cleanup(func() { assert.NilError(t, app.Shutdown()) })
	r := registry{t: t, driver: driver, library: app, handler: api.New(api.Options{Library: app, Driver: driver, Root: root}), root: root}
	server := httptest.NewServer(r.handler)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// everywhere runs test with blobs from files, and with blobs from the library.
func everywhere(t *testing.T, test func(t *testing.T, r registry)) {
	t.Helper()
	t.Run("from files", func(t *testing.T) { test(t, start(t, true)) })
	t.Run("from the library", func(t *testing.T) { test(t, start(t, false)) })
}

// response is an answer, read.
type response struct {
	status int
	header http.Header
	body   string
}

// do sends a request; header are names and values.
func (r registry) do(method, path, body string, header ...string) response {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	assert.NilError(r.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	assert.NilError(r.t, err)
	defer resp.Body.Close() //nolint:errcheck // only read from
	read, err := io.ReadAll(resp.Body)
	assert.NilError(r.t, err)
	return response{resp.StatusCode, resp.Header, string(read)}
}

// want does the same, and the answer must have that status.
func (r registry) want(status int, method, path, body string, header ...string) response {
	r.t.Helper()
	resp := r.do(method, path, body, header...)
	assert.Equal(r.t, resp.status, status, "%s %s: %s", method, path, resp.body)
	return resp
}

// blob pushes a blob by its digest of an algorithm, and returns that.
func (r registry) blob(name, content string, algorithm digest.Algorithm) digest.Digest {
	r.t.Helper()
	d := algorithm.FromString(content)
	r.want(http.StatusCreated, "POST", "/v2/"+name+"/blobs/uploads/?digest="+d.String(), content)
	return d
}

// manifest is one without content besides its config, which is pushed; it refers to subject unless that is "".
func (r registry) manifest(name, artifactType, note string, subject digest.Digest) string {
	r.t.Helper()
	config := r.blob(name, "{}", digest.SHA256)
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType,
		Config:      ocispec.Descriptor{MediaType: ocispec.MediaTypeEmptyJSON, Digest: config, Size: 2},
		Layers:      []ocispec.Descriptor{},
		Annotations: map[string]string{"note": note},
	}
	if subject != "" {
		m.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: subject, Size: 2}
	}
	data, err := json.Marshal(m)
	assert.NilError(r.t, err)
	return string(data)
}

// put pushes a manifest by a tag or digest, with a query.
func (r registry) put(name, ref, manifest string) response {
	r.t.Helper()
	return r.want(http.StatusCreated, "PUT", "/v2/"+name+"/manifests/"+ref, manifest, "Content-Type", ocispec.MediaTypeImageManifest)
}

// missing tells whether the storage has nothing at path.
func (r registry) missing(path string) bool {
	r.t.Helper()
	_, err := r.driver.Stat(r.t.Context(), path)
	return err != nil
}

func TestWhatTheApiDoesNotKnowIsTheLibrarys(t *testing.T) {
	r := start(t, true)
	assert.Equal(t, r.want(http.StatusOK, "GET", "/v2/", "").body, "{}")
	r.want(http.StatusNotFound, "GET", "/elsewhere", "")
	r.want(http.StatusNotFound, "GET", "/v2/UPPER/manifests/v1", "")
	r.want(http.StatusMethodNotAllowed, "PUT", "/v2/step/referrers/"+digest.FromString("x").String(), "")
}

func TestAManifestIsHadByWhoTakesAnything(t *testing.T) {
	r := start(t, true)
	r.put("step", "v1", r.manifest("step", "application/vnd.test", "", ""))
	for name, tc := range map[string]struct {
		accept string
		want   int
	}{
		"anything":     {"*/*", http.StatusOK},
		"nothing said": {"", http.StatusOK},
		"another kind": {ocispec.MediaTypeImageIndex, http.StatusNotFound},
	} {
		t.Run(name, func(*testing.T) {
			header := []string{"Accept", tc.accept}
			if tc.accept == "" {
				header = nil
			}
			r.want(tc.want, "GET", "/v2/step/manifests/v1", "", header...)
		})
	}
}

func TestACatalogPageIsNeverLargerThanAllowed(t *testing.T) {
	r := start(t, true)
	for _, name := range []string{"a", "b/c", "d"} {
		r.put(name, "v1", r.manifest(name, "application/vnd.test", "", ""))
	}
	assert.Equal(t, r.want(http.StatusOK, "GET", "/v2/_catalog?n=100000", "").body, `{"repositories":["a","b/c","d"]}`+"\n")
	page := r.want(http.StatusOK, "GET", "/v2/_catalog?n=2", "")
	assert.Equal(t, page.body, `{"repositories":["a","b/c"]}`+"\n")
	assert.Equal(t, page.header.Get("Link"), `</v2/_catalog?last=b%2Fc&n=2>; rel="next"`)
	r.want(http.StatusBadRequest, "GET", "/v2/_catalog?n=-1", "")
}

func TestTagsAreListedInPages(t *testing.T) {
	r := start(t, true)
	for _, tag := range []string{"v2", "v1", "latest"} {
		r.put("step", tag, r.manifest("step", "application/vnd.test", "", ""))
	}
	page := r.want(http.StatusOK, "GET", "/v2/step/tags/list?n=2", "")
	assert.Equal(t, page.body, `{"name":"step","tags":["latest","v1"]}`+"\n")
	assert.Equal(t, page.header.Get("Link"), `</v2/step/tags/list?last=v1&n=2>; rel="next"`)
	assert.Equal(t, r.want(http.StatusOK, "GET", "/v2/step/tags/list?n=2&last=v1", "").body, `{"name":"step","tags":["v2"]}`+"\n")
}
