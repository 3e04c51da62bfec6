package storage_test

import (
	"log/slog"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// open opens a storage until the test ends, or it is closed before.
func open(t *testing.T, cfg storage.Config) *storage.Store {
	t.Helper()
	store, err := storage.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	assert.NilError(t, err)
	t.Cleanup(func() { _ = store.Close() }) // it may be closed
	return store
}

func TestADirectoryConforms(t *testing.T) {
	conform(t, func(t *testing.T) (*storage.Store, func() *storage.Store) {
		cfg := storage.Config{Root: t.TempDir()}
		store := open(t, cfg)
		return store, func() *storage.Store {
			assert.NilError(t, store.Close())
			return open(t, cfg)
		}
	})
}
