package imageconfig_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/imageconfig"
)

// Whoever may create a pod could else read what is in the network of the operator.
func TestNothingOfAnAnswerIsToldButItsStatusAndCodes(t *testing.T) {
	for title, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a page": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, "the-secret") //nolint:errcheck // the client may be gone
			}, "its registry answers 403 Forbidden",
		},
		"errors": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNotFound)
				fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"the-secret","detail":"the-secret"},{"code":"the-secret"}]}`) //nolint:errcheck // the client may be gone
			}, "its registry answers 404 Not Found (MANIFEST_UNKNOWN)",
		},
		"a challenge": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="the-secret://",the-secret="the-secret"`)
				w.WriteHeader(http.StatusUnauthorized)
			}, imageconfig.ErrAnswer.Error(),
		},
		"a redirect": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "gopher://the-secret/", http.StatusFound)
			}, "its registry answers to HTTPS with HTTP",
		},
		"no manifest": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "the-secret")
				fmt.Fprint(w, "the-secret") //nolint:errcheck // the client may be gone
			}, imageconfig.ErrAnswer.Error(),
		},
		"a digest": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("a", 64))
				fmt.Fprint(w, "the-secret") //nolint:errcheck // the client may be gone
			}, imageconfig.ErrAnswer.Error(),
		},
		"no HTTP": {
			func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				assert.Check(t, err)
				fmt.Fprint(conn, "the-secret-2.0-OpenSSH\r\n\r\n") //nolint:errcheck // the client may be gone
				conn.Close()                                       //nolint:errcheck // the client may be gone
			}, "its registry answers to HTTPS with HTTP",
		},
	} {
		t.Run(title, func(t *testing.T) {
			s := start(t)
			s.wrap(func(http.Handler) http.Handler { return test.answer })
			_, err := imageconfig.New(imageconfig.Options{AllowLoopback: true}).Command(t.Context(), s.image("tool:1"), nil, anonymous())
			assert.ErrorContains(t, err, test.want)
			assert.Assert(t, !strings.Contains(err.Error(), "the-secret"), "%v", err)
		})
	}
}

func TestAReasonIsShort(t *testing.T) {
	s := start(t)
	long := strings.Repeat("x", 20_000)
	write(t, s.image("tool:1"), index(t, map[string]v1.Image{"linux/amd64": image(t, "/a", long), "linux/arm64": image(t, "/b", long)}))
	for _, name := range []string{s.image("tool:1"), long, s.image(long)} {
		_, err := imageconfig.New(imageconfig.Options{AllowLoopback: true}).Command(t.Context(), name, nil, anonymous())
		assert.Check(t, err != nil)
		assert.Check(t, len(err.Error()) < 2048, "%d bytes", len(err.Error()))
	}
}

func TestAnUnreachableRegistryIsToldApart(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	gone := listener.Addr().String()
	assert.NilError(t, listener.Close())
	for host, want := range map[string]string{
		gone: "its registry cannot be reached: connection refused", "registry.invalid": "its registry's name is not known",
	} {
		_, err := imageconfig.New(imageconfig.Options{AllowLoopback: true}).Command(t.Context(), host+"/a:1", nil, anonymous())
		assert.Check(t, err != nil)
		assert.Check(t, strings.Contains(err.Error(), want), "%v", err)
	}
}
