package api_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

func TestABlobIsHadWholeAndInParts(t *testing.T) {
	everywhere(t, func(t *testing.T, r registry) {
		d := r.blob("step", "0123456789", digest.SHA256)
		path := "/v2/step/blobs/" + d.String()
		whole := r.want(http.StatusOK, "GET", path, "")
		assert.Equal(t, whole.body, "0123456789")
		for name, value := range map[string]string{
			"Content-Type": "application/octet-stream", "Docker-Content-Digest": d.String(), "Content-Length": "10",
			"Etag": `"` + d.String() + `"`, "Accept-Ranges": "bytes", "Cache-Control": "max-age=31536000",
			"Docker-Distribution-Api-Version": "registry/2.0",
		} {
			assert.Equal(t, whole.header.Get(name), value, name)
		}
		head := r.want(http.StatusOK, "HEAD", path, "")
		assert.Equal(t, head.header.Get("Content-Length"), "10")
		part := r.want(http.StatusPartialContent, "GET", path, "", "Range", "bytes=2-4")
		assert.Equal(t, part.body, "234")
		assert.Equal(t, part.header.Get("Content-Range"), "bytes 2-4/10")
		r.want(http.StatusRequestedRangeNotSatisfiable, "GET", path, "", "Range", "bytes=20-")
		r.want(http.StatusNotModified, "GET", path, "", "If-None-Match", whole.header.Get("Etag"))
	})
}

func TestABlobIsHadOnlyWhereItIsLinked(t *testing.T) {
	everywhere(t, func(t *testing.T, r registry) {
		d := r.blob("step", "secret", digest.SHA256)
		resp := r.want(http.StatusNotFound, "GET", "/v2/other/blobs/"+d.String(), "")
		assert.Assert(t, cmp.Contains(resp.body, `"code":"BLOB_UNKNOWN"`))
		assert.Equal(t, resp.header.Get("Content-Type"), "application/json")
		r.want(http.StatusAccepted, "DELETE", "/v2/step/blobs/"+d.String(), "")
		r.want(http.StatusNotFound, "GET", "/v2/step/blobs/"+d.String(), "")
		resp = r.want(http.StatusBadRequest, "GET", "/v2/step/blobs/sha256:short", "")
		assert.Assert(t, cmp.Contains(resp.body, `"code":"DIGEST_INVALID"`))
	})
}

func TestABlobWhoseDataIsGoneIsUnknown(t *testing.T) {
	r := start(t, true)
	d := r.blob("step", "0123456789", digest.SHA256)
	assert.NilError(t, os.Remove(filepath.Join(r.root, layout.BlobData(d))))
	resp := r.want(http.StatusNotFound, "GET", "/v2/step/blobs/"+d.String(), "")
	assert.Assert(t, cmp.Contains(resp.body, `"code":"BLOB_UNKNOWN"`))
}

// spied counts files that are handed to a connection whole, as it takes for the kernel to copy them.
type spied struct {
	*net.TCPConn
	files *atomic.Int64
}

func (c spied) ReadFrom(src io.Reader) (int64, error) {
	if limited, ok := src.(*io.LimitedReader); ok {
		if _, ok := limited.R.(*os.File); ok {
			c.files.Add(1)
		}
	}
	return c.TCPConn.ReadFrom(src)
}

type spyListener struct {
	net.Listener
	files *atomic.Int64
}

func (l spyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return spied{conn.(*net.TCPConn), l.files}, nil
}

func TestABlobGoesFromItsFileToTheNetwork(t *testing.T) {
	r := start(t, true)
	content := strings.Repeat("0123456789", 100_000)
	d := r.blob("step", content, digest.SHA256)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	var files atomic.Int64
	server := &http.Server{Handler: r.handler}
	done := make(chan error, 1)
	go func() { done <- server.Serve(spyListener{listener, &files}) }()
	defer func() {
		assert.NilError(t, server.Close())
		assert.ErrorIs(t, <-done, http.ErrServerClosed)
	}()
	r.url = "http://" + listener.Addr().String()
	assert.Assert(t, r.want(http.StatusOK, "GET", "/v2/step/blobs/"+d.String(), "").body == content)
	assert.Equal(t, files.Load(), int64(1))
}
