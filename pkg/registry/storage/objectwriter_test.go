package storage_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
	"github.com/converged-computing/oras-operator/test/minioserver"
)

// watched is a bucket's server whose requests are looked at first.
type watched struct {
	*minioserver.Server
	cfg    storage.Config
	copied atomic.Int64 // requests that copied what an upload has into an upload
}

func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{Server: minioserver.Start(t)}
	to := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: w.Addr})
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if strings.Contains(req.URL.Path, "/_uploads/") && req.Header.Get("X-Amz-Copy-Source") != "" {
			w.copied.Add(1)
		}
		to.ServeHTTP(rw, req)
	}))
	t.Cleanup(proxy.Close)
	w.cfg = storage.Config{S3: &storage.S3Config{
		Bucket: w.Bucket(t, "there"), Endpoint: proxy.URL, PathStyle: true, Insecure: true, CredentialsDir: w.Credentials(t),
	}}
	return w
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
