package access_test

import (
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // registers the driver named below
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	remoteimage "github.com/google/go-containerregistry/pkg/v1/remote"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
	"gotest.tools/v3/assert"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
)

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard) // the library's
	os.Exit(m.Run())
}

// registry serves a real registry behind guard and returns its host:port.
func registry(t *testing.T, guard *access.Guard) string {
	t.Helper()
	cfg := &configuration.Configuration{Storage: configuration.Storage{
		"filesystem": {"rootdirectory": t.TempDir()},
		"delete":     {"enabled": true},
	}}
	cfg.Catalog.MaxEntries, cfg.Tags.MaxTags = 100, 100
	cfg.HTTP.RelativeURLs = true
	cfg.HTTP.Secret = "0123456789abcdef"
	app := handlers.NewApp(t.Context(), cfg)
	server := httptest.NewServer(guard.Handler(app))
	t.Cleanup(func() {
		server.Close()
		assert.NilError(t, app.Shutdown())
	})
	return strings.TrimPrefix(server.URL, "http://")
}

// logins are guards, and a user and a password that are good there.
func logins(t *testing.T) map[string]struct {
	guard          *access.Guard
	user, password string
} {
	t.Helper()
	c := newCluster(t, rsaKey(t, "k1"))
	path := filepath.Join(t.TempDir(), "users")
	assert.NilError(t, os.WriteFile(path, []byte("alice:"+aliceHash), 0o600))
	users, err := access.New(t.Context(), access.Config{Auth: access.AuthHtpasswd, HtpasswdFile: path}, access.Options{})
	assert.NilError(t, err)
	return map[string]struct {
		guard          *access.Guard
		user, password string
	}{
		"serviceaccount": {c.guard(t, access.Options{}), "token", c.token(t, nil)},
		"htpasswd":       {users, "alice", "wonder"},
	}
}

func TestORASPushesMountsPullsListsAndDeletes(t *testing.T) {
	for name, tc := range logins(t) {
		t.Run(name, func(t *testing.T) {
			host := registry(t, tc.guard)
			client := func(password string) *auth.Client {
				return &auth.Client{
					Credential: auth.StaticCredential(host, auth.Credential{Username: tc.user, Password: password}),
					Cache:      auth.NewCache(),
				}
			}
			at := func(repository, password string) *remote.Repository {
				repo, err := remote.NewRepository(host + "/" + repository)
				assert.NilError(t, err)
				repo.PlainHTTP, repo.Client = true, client(password)
				return repo
			}
			step := at("step", tc.password)
			blob, err := oras.PushBytes(t.Context(), step, "text/plain", []byte("hello"))
			assert.NilError(t, err)
			manifest, err := oras.PackManifest(t.Context(), step, oras.PackManifestVersion1_1, "application/vnd.test",
				oras.PackManifestOptions{Layers: []ocispec.Descriptor{blob}})
			assert.NilError(t, err)
			assert.NilError(t, step.Tag(t.Context(), manifest, "v1"))
			_, got, err := oras.FetchBytes(t.Context(), step, "v1", oras.DefaultFetchBytesOptions)
			assert.NilError(t, err)
			assert.Assert(t, strings.Contains(string(got), blob.Digest.String()))
			assert.NilError(t, at("other", tc.password).Mount(t.Context(), blob, "step", nil))

			reg, err := remote.NewRegistry(host)
			assert.NilError(t, err)
			reg.PlainHTTP, reg.Client = true, client(tc.password)
			assert.NilError(t, reg.Ping(t.Context()), "oras login")
			var found []string
			assert.NilError(t, reg.Repositories(t.Context(), "", func(page []string) error {
				found = append(found, page...)
				return nil
			}))
			assert.DeepEqual(t, found, []string{"step"})
			assert.NilError(t, step.Delete(t.Context(), manifest))

			_, err = oras.PushBytes(t.Context(), at("step", "wrong"), "text/plain", []byte("more"))
			assert.ErrorContains(t, err, "401")
			reg.Client = client("wrong")
			assert.ErrorContains(t, reg.Ping(t.Context()), "401")
		})
	}
}

func TestCranePushesPullsAndSaysWhyItMayNot(t *testing.T) {
	for title, tc := range logins(t) {
		t.Run(title, func(t *testing.T) {
			host := registry(t, tc.guard)
			ref, err := name.ParseReference(host+"/step:v1", name.Insecure)
			assert.NilError(t, err)
			image, err := random.Image(1024, 2)
			assert.NilError(t, err)
			ways := []authn.AuthConfig{{Username: tc.user, Password: tc.password}}
			if title == "serviceaccount" {
				ways = append(ways, authn.AuthConfig{RegistryToken: tc.password}) // sent as Bearer
			}
			for _, way := range ways {
				as := []remoteimage.Option{remoteimage.WithAuth(authn.FromConfig(way)), remoteimage.WithContext(t.Context())}
				assert.NilError(t, remoteimage.Write(ref, image, as...))
				got, err := remoteimage.Image(ref, as...)
				assert.NilError(t, err)
				want, err := image.Digest()
				assert.NilError(t, err)
				digest, err := got.Digest()
				assert.NilError(t, err)
				assert.Equal(t, digest, want)
			}
			_, err = remoteimage.Image(ref, remoteimage.WithAuth(&authn.Basic{Username: tc.user, Password: "wrong"}), remoteimage.WithContext(t.Context()))
			assert.ErrorContains(t, err, "UNAUTHORIZED: ")
			assert.ErrorContains(t, err, "needed", "the sentence is shown")
		})
	}
}
