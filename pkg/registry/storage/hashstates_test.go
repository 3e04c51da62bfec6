package storage_test

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

func TestTheLastStateOfAnUploadsHashIsKeptInMemory(t *testing.T) {
	root := t.TempDir()
	store := open(t, storage.Config{Root: root})
	upload(t, store, uploadDir)
	states := uploadDir + "/hashstates/sha256"
	put(t, store, states+"/5", "at five")
	put(t, store, states+"/7", "at seven")
	put(t, store, states+"/0", "of nothing")
	paths, err := store.Driver().List(t.Context(), states)
	assert.NilError(t, err)
	assert.DeepEqual(t, paths, []string{states + "/7"})
	got(t, store, states+"/7", "at seven")
	for _, p := range []string{states + "/0", states + "/5", uploadDir + "/hashstates/sha512/7"} {
		_, err = store.Driver().GetContent(t.Context(), p)
		notFound(t, err)
	}
	_, err = os.Lstat(filepath.Join(root, uploadDir, "hashstates"))
	assert.ErrorIs(t, err, os.ErrNotExist)

	// What survives a crash may be other bytes than those that were hashed.
	assert.NilError(t, store.Close())
	store = open(t, storage.Config{Root: root})
	_, err = store.Driver().GetContent(t.Context(), states+"/7")
	notFound(t, err)
}

func TestTheStateOfAHashGoesWithItsUpload(t *testing.T) {
	store := open(t, storage.Config{Root: t.TempDir()})
	upload(t, store, uploadDir)
	assert.NilError(t, store.Driver().Delete(t.Context(), uploadDir))
	state := uploadDir + "/hashstates/sha256/5"
	_, err := store.Driver().GetContent(t.Context(), state)
	notFound(t, err)
	// The library writes one more once it has cancelled an upload.
	put(t, store, state, "late")
	_, err = store.Driver().GetContent(t.Context(), state)
	notFound(t, err)
	gone(t, store, uploadDir)
}
