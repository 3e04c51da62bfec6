package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

// newApp is the library's registry on driver.
func newApp(t *testing.T, driver storagedriver.StorageDriver) http.Handler {
	t.Helper()
	cfg := &configuration.Configuration{Storage: configuration.Storage{
		given:         {"driver": driver},
		"delete":      {"enabled": true},
		"redirect":    {"disable": true},
		"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
	}}
	cfg.HTTP.Secret = "the same for all replicas"
	cfg.HTTP.RelativeURLs = true
	cfg.Catalog.MaxEntries, cfg.Tags.MaxTags = 1000, 1000
	app := handlers.NewApp(context.Background(), cfg)
	t.Cleanup(func() { assert.NilError(t, app.Shutdown()) })
	return app
}

// client speaks to a registry as clients do, without a network between.
type client struct{ http.Handler }

func (c client) do(method, url, mediaType string, body io.Reader) *http.Response {
	request := httptest.NewRequest(method, url, body)
	request.Header.Add("Accept", ocispec.MediaTypeImageManifest)
	request.Header.Add("Accept", ocispec.MediaTypeImageIndex)
	if mediaType != "" {
		request.Header.Set("Content-Type", mediaType)
	}
	recorder := httptest.NewRecorder()
	c.ServeHTTP(recorder, request)
	return recorder.Result()
}

// status makes a request without a body.
func (c client) status(method, url string) int { return c.do(method, url, "", http.NoBody).StatusCode }

func blobURL(repository string, d digest.Digest) string {
	return "/v2/" + repository + "/blobs/" + d.String()
}

func manifestURL(repository, reference string) string {
	return "/v2/" + repository + "/manifests/" + reference
}

// has asks whether the registry has a blob.
func (c client) has(repository string, d digest.Digest) bool {
	return c.status(http.MethodHead, blobURL(repository, d)) == http.StatusOK
}

// upload sends a blob by a digest of its, and returns the status of the last answer.
func (c client) upload(repository string, d digest.Digest, data []byte) int {
	begun := c.do(http.MethodPost, "/v2/"+repository+"/blobs/uploads/", "", http.NoBody)
	if begun.StatusCode != http.StatusAccepted {
		return begun.StatusCode
	}
	location := begun.Header.Get("Location")
	return c.do(http.MethodPut, location+"&digest="+d.String(), "application/octet-stream", bytes.NewReader(data)).StatusCode
}

// mount asks for a blob of another repository, and tells whether it was mounted.
func (c client) mount(repository, from string, d digest.Digest) bool {
	return c.status(http.MethodPost, "/v2/"+repository+"/blobs/uploads/?mount="+d.String()+"&from="+from) == http.StatusCreated
}

// put sends a manifest.
func (c client) put(repository, reference string, manifest []byte) int {
	var says struct {
		MediaType string `json:"mediaType"`
	}
	_ = json.Unmarshal(manifest, &says)
	return c.do(http.MethodPut, manifestURL(repository, reference), says.MediaType, bytes.NewReader(manifest)).StatusCode
}

// get fetches what is at url.
func (c client) get(url string) ([]byte, int) {
	response := c.do(http.MethodGet, url, "", http.NoBody)
	body, _ := io.ReadAll(response.Body)
	return body, response.StatusCode
}

// push sends an artifact of layers, by the tag, and returns its manifest's digest.
func (c client) push(t *testing.T, repository, tag string, layers ...string) digest.Digest {
	t.Helper()
	for _, layer := range append(layers, "{}") {
		assert.Equal(t, c.upload(repository, digest.FromString(layer), []byte(layer)), http.StatusCreated)
	}
	data := manifest("", layers...)
	assert.Equal(t, c.put(repository, tag, data), http.StatusCreated)
	return digest.FromBytes(data)
}

// manifest is one of layers, with a subject if that is not empty.
func manifest(subject digest.Digest, layers ...string) []byte {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    descriptor("application/vnd.test", "{}"),
		Layers:    []ocispec.Descriptor{},
	}
	if subject != "" {
		m.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: subject, Size: 1}
	}
	for _, layer := range layers {
		m.Layers = append(m.Layers, descriptor("text/plain", layer))
	}
	return marshal(m)
}

// index is one of manifests.
func index(manifests ...digest.Digest) []byte {
	i := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{}}
	for _, d := range manifests {
		i.Manifests = append(i.Manifests, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: d, Size: 1})
	}
	return marshal(i)
}

func descriptor(mediaType, data string) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromString(data), Size: int64(len(data))}
}

func marshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// pulls checks that everything of a manifest is there and is what it should be.
func (c client) pulls(t *testing.T, repository, reference string) {
	t.Helper()
	data, status := c.get(manifestURL(repository, reference))
	assert.Equal(t, status, http.StatusOK, "manifest %s:%s", repository, reference)
	if d, ok := asDigest(reference); ok {
		assert.Equal(t, d.Algorithm().FromBytes(data), d)
	}
	says, err := parse(data)
	assert.NilError(t, err)
	for _, d := range says.lists {
		if strings.Contains(string(data), ocispec.MediaTypeImageIndex) {
			c.pulls(t, repository, d.String())
			continue
		}
		blob, status := c.get(blobURL(repository, d))
		assert.Equal(t, status, http.StatusOK, "blob %s of %s:%s", d, repository, reference)
		assert.Equal(t, d.Algorithm().FromBytes(blob), d)
	}
}
