package transfer_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

func TestAPatternStandsForWhatTheRegistryHas(t *testing.T) {
	registry := testregistry.Start(t)
	dir := fs.NewDir(t, "one", fs.WithFile("file", "x"))
	for _, ref := range []transfer.Reference{
		{Repository: "sweep/point-1", Tag: "latest"},
		{Repository: "sweep/point-2", Tag: "v1"},
		{Repository: "sweep/point-2/deeper", Tag: "latest"},
		{Repository: "sweep/other", Tag: "v2"},
		{Repository: "sweep/other", Tag: "v3"},
	} {
		push(t, repository(t, registry, ref.Repository), ref.Tag, dir.Path())
	}
	for name, c := range map[string]struct {
		pattern string
		want    []string
	}{
		"in the repository, whatever its tags": {"sweep/point-*", []string{"sweep/point-1:latest", "sweep/point-2:latest"}},
		"in the tag":                           {"sweep/other:v*", []string{"sweep/other:v2", "sweep/other:v3"}},
		"in both":                              {"sweep/*:v*", []string{"sweep/other:v2", "sweep/other:v3", "sweep/point-2:v1"}},
		"in a part of its own":                 {"*/*/deeper", []string{"sweep/point-2/deeper:latest"}},
		"none":                                 {"nothing-*", nil},
		"no such repository":                   {"nothing:*", nil},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := client(registry).Match(t.Context(), c.pattern, 10, quick())
			assert.NilError(t, err)
			var texts []string
			for _, ref := range found {
				texts = append(texts, ref.String())
			}
			assert.DeepEqual(t, texts, c.want)
		})
	}
}

func TestE83MatchesAreGatheredFromEveryPageAndBounded(t *testing.T) {
	registry := testregistry.Start(t)
	const tags = 12
	dir := fs.NewDir(t, "one", fs.WithFile("file", "x"))
	for i := range tags {
		push(t, repository(t, registry, "many"), fmt.Sprintf("t%d", i), dir.Path())
	}
	registry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		if filepath.Base(r.URL.Path) == "list" {
			query := r.URL.Query()
			query.Set("n", "5")
			r.URL.RawQuery = query.Encode()
		}
		return false
	})
	found, err := client(registry).Match(t.Context(), "many:*", tags, quick())
	assert.NilError(t, err)
	assert.Assert(t, is.Len(found, tags))
	_, err = client(registry).Match(t.Context(), "many:*", tags-1, quick())
	assert.ErrorContains(t, err, "more than 11 artifacts match")
}

func TestE85ARegistryWithoutACatalogRefusesPatterns(t *testing.T) {
	registry := testregistry.Start(t)
	for _, code := range []int{http.StatusNotFound, http.StatusUnauthorized, http.StatusMethodNotAllowed} {
		registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
			if filepath.Base(r.URL.Path) != "_catalog" {
				return false
			}
			w.WriteHeader(code)
			return true
		})
		_, err := client(registry).Match(t.Context(), "a-*", 10, quick())
		assert.ErrorIs(t, err, transfer.ErrNoCatalog)
	}
}

func TestAPatternThatNamesNothingIsRefused(t *testing.T) {
	registry := testregistry.Start(t)
	for _, pattern := range []string{"Upper-*", "a-*@sha256:" + fmt.Sprintf("%064d", 0), "a:-*"} {
		_, err := client(registry).Match(t.Context(), pattern, 10, quick())
		assert.ErrorIs(t, err, transfer.ErrInvalidReference, pattern)
	}
}

func client(r *testregistry.Registry) transfer.Registry {
	return transfer.Registry{Host: r.Host, PlainHTTP: true}
}
