package imageconfig_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/imageconfig"
)

// server is a registry that counts requests.
type server struct {
	host     string
	requests atomic.Int32
	around   atomic.Pointer[func(http.Handler) http.Handler]
}

func start(t *testing.T) *server {
	t.Helper()
	s := &server{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	http := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		handler := inner
		if around := s.around.Load(); around != nil {
			handler = (*around)(inner)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(http.Close)
	s.host = strings.TrimPrefix(http.URL, "http://")
	return s
}

func (s *server) image(repository string) string { return s.host + "/" + repository }

func (s *server) wrap(around func(http.Handler) http.Handler) { s.around.Store(&around) }

// image is one that runs the entrypoint with the arguments.
func image(t *testing.T, entrypoint string, cmd ...string) v1.Image {
	t.Helper()
	i, err := mutate.Config(empty.Image, v1.Config{Entrypoint: []string{entrypoint}, Cmd: cmd})
	assert.NilError(t, err)
	return i
}

func index(t *testing.T, of map[string]v1.Image) v1.ImageIndex {
	t.Helper()
	var all []mutate.IndexAddendum
	for platform, i := range of {
		os, arch, _ := strings.Cut(platform, "/")
		all = append(all, mutate.IndexAddendum{Add: i, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: os, Architecture: arch}}})
	}
	return mutate.AppendManifests(empty.Index, all...)
}

func write(t *testing.T, where string, what remote.Taggable) {
	t.Helper()
	ref, err := name.ParseReference(where)
	assert.NilError(t, err)
	switch what := what.(type) {
	case v1.ImageIndex:
		assert.NilError(t, remote.WriteIndex(ref, what))
	case v1.Image:
		assert.NilError(t, remote.Write(ref, what))
	}
}

func anonymous() authn.Keychain { return authn.NewMultiKeychain() }

func TestTheCommandOfAnImage(t *testing.T) {
	s := start(t)
	write(t, s.image("tool:1"), image(t, "/tool", "--help"))
	write(t, s.image("same:1"), index(t, map[string]v1.Image{
		"linux/amd64": image(t, "/same"), "linux/arm64": image(t, "/same"), "windows/amd64": image(t, "same.exe"), "unknown/unknown": image(t, "attestation"),
	}))
	write(t, s.image("different:1"), index(t, map[string]v1.Image{"linux/amd64": image(t, "/x86"), "linux/arm64": image(t, "/arm")}))
	for title, test := range map[string]struct {
		image         string
		architectures []string
		want          imageconfig.Command
		err           error
	}{
		"by tag":                           {"tool:1", nil, imageconfig.Command{Entrypoint: []string{"/tool"}, Cmd: []string{"--help"}}, nil},
		"of all Linux platforms":           {"same:1", nil, imageconfig.Command{Entrypoint: []string{"/same"}}, nil},
		"of the architecture asked for":    {"different:1", []string{"arm64"}, imageconfig.Command{Entrypoint: []string{"/arm"}}, nil},
		"of another architecture":          {"different:1", []string{"amd64"}, imageconfig.Command{Entrypoint: []string{"/x86"}}, nil},
		"of two that differ":               {"different:1", []string{"amd64", "arm64"}, imageconfig.Command{}, imageconfig.ErrDifferent},
		"of an architecture it is not for": {"same:1", []string{"s390x"}, imageconfig.Command{}, imageconfig.ErrNoPlatform},
		"of some of which it is for one":   {"different:1", []string{"s390x", "arm64"}, imageconfig.Command{Entrypoint: []string{"/arm"}}, nil},
	} {
		t.Run(title, func(t *testing.T) {
			got, err := imageconfig.New(imageconfig.Options{AllowLoopback: true}).Command(t.Context(), s.image(test.image), test.architectures, anonymous())
			assert.ErrorIs(t, err, test.err)
			assert.DeepEqual(t, got, test.want)
		})
	}
}

func TestWhatCannotBeLookedUpIsNamed(t *testing.T) {
	s := start(t)
	for image, want := range map[string]string{
		"UPPER":           `looking up image "UPPER": could not parse reference`,
		s.image("none:1"): "looking up image " + s.image("none:1") + ": ",
		"127.0.0.1:1/a":   "connection refused",
	} {
		_, err := imageconfig.New(imageconfig.Options{AllowLoopback: true}).Command(t.Context(), image, nil, anonymous())
		assert.ErrorContains(t, err, want)
	}
}

func TestALookupIsBoundedInTime(t *testing.T) {
	s := start(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	s.wrap(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })
	})
	begin := time.Now()
	_, err := imageconfig.New(imageconfig.Options{AllowLoopback: true, Timeout: 200 * time.Millisecond}).Command(t.Context(), s.image("slow:1"), nil, anonymous())
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Assert(t, time.Since(begin) < 10*time.Second)
}

func TestAConfigurationThatIsTooLargeIsNotFetched(t *testing.T) {
	s := start(t)
	large, err := mutate.Config(empty.Image, v1.Config{Entrypoint: []string{"/a"}, Labels: map[string]string{"x": strings.Repeat("x", 5<<20)}})
	assert.NilError(t, err)
	write(t, s.image("large:1"), large)
	_, err = imageconfig.New(imageconfig.Options{AllowLoopback: true}).Command(t.Context(), s.image("large:1"), nil, anonymous())
	assert.ErrorIs(t, err, imageconfig.ErrTooLarge)
}

// A burst of pods asks a registry once, and a tag that moves is seen by whoever asks by digest at once.
func TestWhatIsKnownIsNotAskedForAgain(t *testing.T) {
	s := start(t)
	write(t, s.image("tool:1"), image(t, "/tool"))
	lookup := imageconfig.New(imageconfig.Options{AllowLoopback: true})
	s.requests.Store(0)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			_, err := lookup.Command(t.Context(), s.image("tool:1"), []string{"amd64"}, anonymous())
			assert.Check(t, err)
		})
	}
	all.Wait()
	_, err := lookup.Command(t.Context(), s.image("tool:1"), []string{"amd64"}, anonymous())
	assert.NilError(t, err)
	assert.Equal(t, s.requests.Load(), int32(4)) // how it is to be asked, the digest, the manifest, the configuration
	s.requests.Store(0)
	_, err = lookup.Command(t.Context(), s.image("tool:1"), []string{"amd64"}, anonymous())
	assert.NilError(t, err)
	assert.Equal(t, s.requests.Load(), int32(0))
	write(t, s.image("tool:2"), image(t, "/tool"))
	s.requests.Store(0)
	_, err = lookup.Command(t.Context(), s.image("tool:2"), []string{"amd64"}, anonymous())
	assert.NilError(t, err)
	assert.Assert(t, s.requests.Load() <= 2, "%d requests for a digest that is known", s.requests.Load())
}

// withPassword keeps out whoever has not got the password.
func withPassword(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

type keys struct{ authn.AuthConfig }

func (k keys) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(k.AuthConfig), nil
}

func TestWhatOneMayKnowAnotherIsNotTold(t *testing.T) {
	s := start(t)
	write(t, s.image("private:1"), image(t, "/private"))
	s.wrap(withPassword)
	lookup := imageconfig.New(imageconfig.Options{AllowLoopback: true})
	got, err := lookup.Command(t.Context(), s.image("private:1"), nil, keys{authn.AuthConfig{Username: "a", Password: "secret"}})
	assert.NilError(t, err)
	assert.DeepEqual(t, got.Entrypoint, []string{"/private"})
	for _, other := range []authn.Keychain{anonymous(), keys{authn.AuthConfig{Username: "a", Password: "wrong"}}} {
		_, err = lookup.Command(t.Context(), s.image("private:1"), nil, other)
		assert.ErrorContains(t, err, "401")
		assert.Assert(t, !strings.Contains(err.Error(), "secret") && !strings.Contains(err.Error(), "wrong"))
	}
}
