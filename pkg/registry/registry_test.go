package registry_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/registry"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

func TestMain(m *testing.M) {
	registry.RouteLibraryLog(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// running is a registry that is served.
type running struct {
	*httptest.Server
	registry *registry.Registry
}

// start serves a registry until the test ends.
func start(t *testing.T, cfg registry.Config) running {
	t.Helper()
	handler, err := registry.New(cfg)
	assert.NilError(t, err)
	r := running{httptest.NewServer(handler), handler}
	t.Cleanup(func() { r.stop(t) })
	return r
}

// stop ends it, if it goes on; then another may have its storage.
func (r running) stop(t *testing.T) {
	t.Helper()
	r.Close()
	assert.NilError(t, r.registry.Close())
}

// repository returns a client of that name on server.
func repository(t *testing.T, server running, name string) *remote.Repository {
	t.Helper()
	repo, err := remote.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/" + name)
	assert.NilError(t, err)
	repo.PlainHTTP = true
	return repo
}

// push makes an artifact of one layer and tags it v1.
func push(t *testing.T, repo *remote.Repository, layer string) ocispec.Descriptor {
	t.Helper()
	blob, err := oras.PushBytes(t.Context(), repo, "text/plain", []byte(layer))
	assert.NilError(t, err)
	manifest, err := oras.PackManifest(t.Context(), repo, oras.PackManifestVersion1_1, "application/vnd.test",
		oras.PackManifestOptions{Layers: []ocispec.Descriptor{blob}})
	assert.NilError(t, err)
	assert.NilError(t, repo.Tag(t.Context(), manifest, "v1"))
	return blob
}

func TestWhatIsPushedIsPulled(t *testing.T) {
	server := start(t, registry.Config{Storage: storage.Config{Root: t.TempDir()}})
	repo := repository(t, server, "deep/er/step")
	blob := push(t, repo, "hello")

	got, err := content.FetchAll(t.Context(), repo, blob)
	assert.NilError(t, err)
	assert.Equal(t, string(got), "hello")
	manifest, err := repo.Resolve(t.Context(), "v1")
	assert.NilError(t, err)
	assert.Equal(t, manifest.MediaType, ocispec.MediaTypeImageManifest)
}

func TestContentOutlivesTheServer(t *testing.T) {
	root := t.TempDir()
	before := start(t, registry.Config{Storage: storage.Config{Root: root}})
	blob := push(t, repository(t, before, "step"), "hello")
	before.stop(t)

	repo := repository(t, start(t, registry.Config{Storage: storage.Config{Root: root}}), "step")
	_, err := repo.Resolve(t.Context(), "v1")
	assert.NilError(t, err)
	got, err := content.FetchAll(t.Context(), repo, blob)
	assert.NilError(t, err)
	assert.Equal(t, string(got), "hello")
}

func TestWhatIsDeletedIsGoneAtOnce(t *testing.T) {
	repo := repository(t, start(t, registry.Config{Storage: storage.Config{Root: t.TempDir()}}), "step")
	blob := push(t, repo, "hello")
	manifest, err := repo.Resolve(t.Context(), "v1")
	assert.NilError(t, err)

	assert.NilError(t, repo.Delete(t.Context(), manifest))
	_, err = repo.Resolve(t.Context(), "v1")
	assert.ErrorIs(t, err, errdef.ErrNotFound)

	// A cache of descriptors, filled by this Exists, would still know the blob after its deletion.
	known, err := repo.Exists(t.Context(), blob)
	assert.NilError(t, err)
	assert.Assert(t, known)
	assert.NilError(t, repo.Blobs().Delete(t.Context(), blob))
	known, err = repo.Exists(t.Context(), blob)
	assert.NilError(t, err)
	assert.Assert(t, !known)
}

func TestAnUploadSurvivesARestart(t *testing.T) {
	tests := map[string]struct {
		secretAfter string
		want        int
	}{
		"with the same secret it goes on":         {secretAfter: "0123456789abcdef", want: http.StatusCreated},
		"with another secret its state is forged": {secretAfter: "fedcba9876543210", want: http.StatusNotFound},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			before := start(t, registry.Config{Storage: storage.Config{Root: root}, HTTPSecretFile: secretFile(t, "0123456789abcdef")})
			location := request(t, http.MethodPost, before.URL+"/v2/step/blobs/uploads/", "", http.StatusAccepted)
			location = request(t, http.MethodPatch, before.URL+location, "first,", http.StatusAccepted)
			before.stop(t)

			after := start(t, registry.Config{Storage: storage.Config{Root: root}, HTTPSecretFile: secretFile(t, tc.secretAfter)})
			want := digest.FromString("first,second")
			request(t, http.MethodPut, after.URL+location+"&digest="+want.String(), "second", tc.want)
		})
	}
}

// request sends body and returns the Location of the answer, which must have that status. The location is relative: the
// registry does not suppose that the client knows it by the name that it sees.
func request(t *testing.T, method, url, body string, status int) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	assert.NilError(t, err)
	resp, err := http.DefaultClient.Do(req)
	assert.NilError(t, err)
	defer resp.Body.Close() //nolint:errcheck // only read from
	answer, err := io.ReadAll(resp.Body)
	assert.NilError(t, err)
	assert.Equal(t, resp.StatusCode, status, string(answer))
	location := resp.Header.Get("Location")
	if status == http.StatusAccepted {
		assert.Assert(t, strings.HasPrefix(location, "/v2/step/blobs/uploads/"), location)
	}
	return location
}

func secretFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	assert.NilError(t, os.WriteFile(path, []byte(secret), 0o600))
	return path
}

func TestABadConfigurationIsAnErrorNotAPanic(t *testing.T) {
	file := secretFile(t, "short")
	tests := map[string]struct {
		cfg  registry.Config
		want string
	}{
		"no root": {
			cfg:  registry.Config{},
			want: "no root directory is given",
		},
		"the root is a file": {
			cfg:  registry.Config{Storage: storage.Config{Root: file}},
			want: "making the root directory",
		},
		"the root cannot be written": {
			cfg:  registry.Config{Storage: storage.Config{Root: "/proc/self"}},
			want: "storage: locking /proc/self",
		},
		"the drain timeout is negative": {
			cfg:  registry.Config{Storage: storage.Config{Root: t.TempDir()}, DrainTimeout: -1},
			want: "drainTimeout: -1ns is negative",
		},
		"the secret is short": {
			cfg:  registry.Config{Storage: storage.Config{Root: t.TempDir()}, HTTPSecretFile: file},
			want: "has 5 bytes, it needs 16 or more",
		},
		"the secret is missing": {
			cfg:  registry.Config{Storage: storage.Config{Root: t.TempDir()}, HTTPSecretFile: file + ".not"},
			want: "reading the secret",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := registry.New(tc.cfg)
			assert.ErrorIs(t, err, registry.ErrConfig)
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

func TestProbes(t *testing.T) {
	tests := map[string]struct {
		path  string
		spoil func(t *testing.T, root string)
		want  int
	}{
		"a healthy registry is alive": {path: "/healthz", want: http.StatusOK},
		"a healthy registry is ready": {path: "/readyz", want: http.StatusOK},
		"without its storage it is alive": {
			path: "/healthz", spoil: removeRoot, want: http.StatusOK,
		},
		"without its storage it is not ready": {
			path: "/readyz", spoil: removeRoot, want: http.StatusServiceUnavailable,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "data")
			server := start(t, registry.Config{Storage: storage.Config{Root: root}})
			if tc.spoil != nil {
				tc.spoil(t, root)
			}
			request(t, http.MethodGet, server.URL+tc.path, "", tc.want)
		})
	}
}

func removeRoot(t *testing.T, root string) {
	t.Helper()
	assert.NilError(t, os.RemoveAll(root))
}
