package transfer_test

import (
	"fmt"
	"net/http"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

func TestTheReasonOfARefusalIsTold(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "a")
	registry.SetFault(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprint(w, `{"errors":[{"code":"DENIED","message":"ServiceAccount default of team may not pull"}]}`)
		return true
	})
	_, err := transfer.Resolve(t.Context(), repo, "v1", quick())
	assert.ErrorContains(t, err, "403 Forbidden: denied: ServiceAccount default of team may not pull")
	assert.DeepEqual(t, registry.Requests(), []string{"HEAD /v2/a/manifests/v1", "GET /v2/a/manifests/v1"})
	_, err = transfer.Push(t.Context(), repo, "v1", transfer.Directory(twoLayers(t).Path()), transfer.PushOptions{Retry: quick()})
	assert.ErrorContains(t, err, "may not pull")
}

// Who is let in by the time of the second question is not told anything of it: the first is what was asked.
func TestARefusalThatIsTakenBackIsOneAllTheSame(t *testing.T) {
	registry := testregistry.Start(t)
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusForbidden)
		}
		return true
	})
	_, err := transfer.Resolve(t.Context(), repository(t, registry, "a"), "v1", quick())
	assert.ErrorContains(t, err, "HEAD /v2/a/manifests/v1: 403 Forbidden")
}
