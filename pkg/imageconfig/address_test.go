package imageconfig_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/imageconfig"
)

func TestRegistriesAreNotAskedWhereOnlyTheOperatorIs(t *testing.T) {
	s := start(t)
	_, port, _ := strings.Cut(s.host, ":")
	for _, host := range []string{
		s.host, "localhost:" + port, "[::1]:" + port, "[::ffff:127.0.0.1]:" + port, "127.1.2.3:" + port, "0.0.0.0:" + port, "[::]:" + port,
		"169.254.169.254", "169.254.169.254:80", "[fe80::1]:80", "[fd00:ec2::254]:80", "[64:ff9b::a9fe:a9fe]:80", "224.0.0.1:80", "255.255.255.255:80",
	} {
		_, err := imageconfig.New(imageconfig.Options{}).Command(t.Context(), host+"/a:1", nil, anonymous())
		assert.Check(t, err != nil)
		assert.Check(t, strings.Contains(err.Error(), imageconfig.ErrAddress.Error()), "%s: %v", host, err)
	}
	assert.Equal(t, s.requests.Load(), int32(0))
}

func TestRegistriesMayBeInsideTheCluster(t *testing.T) {
	for _, host := range []string{"10.255.255.1:1", "172.16.255.1:1", "192.168.255.1:1", "[fd12:3456::1]:1"} {
		_, err := imageconfig.New(imageconfig.Options{Timeout: 50 * time.Millisecond}).Command(t.Context(), host+"/a:1", nil, anonymous())
		assert.Check(t, err != nil)
		assert.Check(t, !strings.Contains(err.Error(), imageconfig.ErrAddress.Error()), "%s: %v", host, err)
	}
}

func TestRedirectsLeadNowhereElse(t *testing.T) {
	for title, of := range map[string]string{"manifest": "/manifests/", "configuration": "/blobs/", "handshake": "/v2/"} {
		t.Run(title, func(t *testing.T) {
			s := start(t)
			write(t, s.image("tool:1"), image(t, "/tool"))
			s.wrap(func(inner http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.URL.Path, of) {
						http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusTemporaryRedirect)
						return
					}
					inner.ServeHTTP(w, r)
				})
			})
			_, err := imageconfig.New(imageconfig.Options{AllowLoopback: true}).Command(t.Context(), s.image("tool:1"), nil, anonymous())
			assert.ErrorContains(t, err, imageconfig.ErrAddress.Error())
			assert.ErrorIs(t, err, imageconfig.ErrAddress)
			assert.Assert(t, !strings.Contains(err.Error(), "169.254"), "%v", err)
		})
	}
}

func TestCredentialsDoNotFollowARedirect(t *testing.T) {
	s, other := start(t), start(t)
	for _, at := range []*server{s, other} {
		write(t, at.image("tool:1"), image(t, "/tool"))
	}
	var elsewhere []string
	other.wrap(func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			elsewhere = append(elsewhere, r.Header.Get("Authorization"))
			inner.ServeHTTP(w, r)
		})
	})
	s.wrap(func(inner http.Handler) http.Handler {
		return withPassword(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/blobs/") {
				http.Redirect(w, r, "http://"+other.host+r.URL.Path, http.StatusTemporaryRedirect)
				return
			}
			inner.ServeHTTP(w, r)
		}))
	})
	lookup := imageconfig.New(imageconfig.Options{AllowLoopback: true})
	got, err := lookup.Command(t.Context(), s.image("tool:1"), nil, keys{authn.AuthConfig{Username: "a", Password: "secret"}})
	assert.NilError(t, err)
	assert.DeepEqual(t, got.Entrypoint, []string{"/tool"})
	assert.DeepEqual(t, elsewhere, []string{""})
}
