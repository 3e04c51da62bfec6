//go:build e2e

package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

func TestAnUploadGoesOnAtAnyReplica(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	c.replicated(t, ns)
	var hosts [replicas]string
	for i := range hosts {
		address, _, err := c.Forward(t.Context(), ns, replica(ns, i).Name, v1alpha1.Port)
		assert.NilError(t, err)
		hosts[i] = address
	}
	content := make([]byte, 7<<20)
	_, _ = rand.Read(content) // it always can
	at := "http://" + hosts[0] + "/v2/step/blobs/uploads/"
	at = follow(t, http.MethodPost, at, hosts[0], nil, http.StatusAccepted)
	at = follow(t, http.MethodPatch, at, hosts[1], content[:3<<20], http.StatusAccepted)
	at = follow(t, http.MethodPatch, at, hosts[2], content[3<<20:6<<20], http.StatusAccepted)
	at += "&digest=" + url.QueryEscape(fmt.Sprintf("sha256:%x", sha256.Sum256(content)))
	at = follow(t, http.MethodPut, at, hosts[0], content[6<<20:], http.StatusCreated)
	for _, host := range hosts {
		assert.Assert(t, bytes.Equal(fetch(t, at, host), content), host)
	}
}

// follow sends a request to the path of a URL at a host, and returns the URL that it is answered with.
func follow(t *testing.T, method, at, host string, body []byte, status int) string {
	t.Helper()
	resp := sendTo(t, method, at, host, body)
	defer resp.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(resp.Body)
	assert.NilError(t, err)
	assert.Equal(t, resp.StatusCode, status, "%s at %s: %s", method, host, text)
	next, err := resp.Location()
	assert.NilError(t, err)
	return next.String()
}

func fetch(t *testing.T, at, host string) []byte {
	t.Helper()
	resp := sendTo(t, http.MethodGet, at, host, nil)
	defer resp.Body.Close() //nolint:errcheck // only read from
	assert.Equal(t, resp.StatusCode, http.StatusOK)
	content, err := io.ReadAll(resp.Body)
	assert.NilError(t, err)
	return content
}

func sendTo(t *testing.T, method, at, host string, body []byte) *http.Response {
	t.Helper()
	where, err := url.Parse(at)
	assert.NilError(t, err)
	where.Host = host
	req, err := http.NewRequestWithContext(within(t), method, where.String(), bytes.NewReader(body))
	assert.NilError(t, err)
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := http.DefaultClient.Do(req)
	assert.NilError(t, err)
	return resp
}
