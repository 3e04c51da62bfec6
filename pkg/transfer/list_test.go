package transfer_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

func TestRepositoriesAndTagsAreListedFromAllPages(t *testing.T) { // E83
	registry := testregistry.Start(t)
	from := fs.NewDir(t, "from", fs.WithFile("f", "x")).Path()
	want := []string{"b-0", "b-1", "b-2", "b-3"}
	for _, name := range want {
		push(t, repository(t, registry, name), "v1", from)
		push(t, repository(t, registry, "b-2"), name, from)
	}
	registry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool { // pages of three
		if strings.HasSuffix(r.URL.Path, "/_catalog") || strings.HasSuffix(r.URL.Path, "/tags/list") {
			query := r.URL.Query()
			query.Set("n", "3")
			r.URL.RawQuery = query.Encode()
		}
		return false
	})
	host := transfer.Registry{Host: registry.Host, PlainHTTP: true}
	registry.Requests()
	repositories, err := host.Repositories(t.Context(), quick())
	assert.NilError(t, err)
	assert.DeepEqual(t, repositories, want)
	tags, err := transfer.Tags(t.Context(), repository(t, registry, "b-2"), quick())
	assert.NilError(t, err)
	assert.DeepEqual(t, tags, append(want, "v1"))
	assert.Assert(t, len(registry.Requests()) >= 4)

	_, err = transfer.Tags(t.Context(), repository(t, registry, "none"), quick())
	assert.ErrorIs(t, err, transfer.ErrNotFound)
	assert.ErrorContains(t, err, fmt.Sprintf("listing %s/none: ", registry.Host))
	registry.SetFault(status(http.StatusForbidden))
	_, err = host.Repositories(t.Context(), quick())
	assert.ErrorIs(t, err, transfer.ErrNoCatalog)
}
