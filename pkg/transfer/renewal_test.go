package transfer_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// The registry takes the start of an upload, and by the time that the content comes the token has expired.
func TestE78ATokenThatExpiresMidUploadIsRenewed(t *testing.T) {
	registry := testregistry.Start(t)
	guard := &tokens{realm: "http://" + registry.Host + "/token", live: map[string]bool{}}
	var uploads atomic.Int64
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if guard.fault(w, r) {
			return true
		}
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/uploads/") || uploads.Add(1) > 1 {
			return false
		}
		registry.Serve(w, r)
		guard.expire()
		return true
	})
	repo, from, into := repository(t, registry, "token"), twoLayers(t), t.TempDir()
	_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from.Path()), transfer.PushOptions{Retry: quick(), Concurrency: 1})
	assert.NilError(t, err)
	pull(t, repo, "v1", into)
	assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
}
