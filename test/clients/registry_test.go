package clients

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/test/registryserver"
)

// server is a running `operator registry`.
type server struct{ *registryserver.Server }

// serve starts a registry for a test.
func serve(t *testing.T, as access) server {
	t.Helper()
	command := append([]string{built.operator, "registry", "--log-format=json", "--addr=127.0.0.1:0",
		"--root=" + filepath.Join(t.TempDir(), "data")}, as.flags...)
	if as.wrap != nil {
		command = as.wrap(t, command...)
	}
	return server{registryserver.Start(t, command)}
}

// began counts the answers to requests that begin an upload to a repository, by their status.
func (s server) began(t *testing.T, repository string) map[int]int {
	t.Helper()
	counts := map[int]int{}
	for raw := range s.Log(t) {
		var line struct {
			Method, Path string
			Status       int
		}
		assert.NilError(t, json.Unmarshal(raw, &line))
		if line.Method == http.MethodPost && strings.HasPrefix(line.Path, "/v2/"+repository+"/blobs/uploads/") {
			counts[line.Status]++
		}
	}
	return counts
}
