package storage_test

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

func putIsGot(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	put(t, store, dir+"/a", "hello")
	got(t, store, dir+"/a", "hello")
	info, err := store.Driver().Stat(t.Context(), dir+"/a")
	assert.NilError(t, err)
	assert.Equal(t, info.Size(), int64(5))
	assert.Equal(t, info.Path(), dir+"/a")
	assert.Assert(t, !info.IsDir())
	assert.Assert(t, time.Since(info.ModTime()).Abs() < time.Hour, info.ModTime())
	info, err = store.Driver().Stat(t.Context(), dir)
	assert.NilError(t, err)
	assert.Assert(t, info.IsDir())
}

func putReplaces(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	put(t, store, dir+"/a", "long and old")
	put(t, store, dir+"/a", "new")
	got(t, store, dir+"/a", "new")
}

func emptyIsContent(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	put(t, store, dir+"/a", "")
	got(t, store, dir+"/a", "")
	write(t, store, uploadDir+"/data", "", false)
	commit(t, store, uploadDir+"/data", "")
	assert.NilError(t, store.Driver().Move(t.Context(), uploadDir+"/data", dir+"/b"))
	got(t, store, dir+"/b", "")
}

func missingIsNotFound(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	ctx, driver := t.Context(), store.Driver()
	put(t, store, dir+"/a", "x")
	missing := dir + "/b"
	_, err := driver.Stat(ctx, missing)
	notFound(t, err)
	_, err = driver.GetContent(ctx, missing)
	notFound(t, err)
	_, err = driver.Reader(ctx, missing, 0)
	notFound(t, err)
	_, err = driver.List(ctx, missing)
	notFound(t, err)
	notFound(t, driver.Delete(ctx, missing))
	notFound(t, driver.Move(ctx, missing, dir+"/c"))
}

func prefixIsNotFound(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	put(t, store, dir+"/v10/link", "x")
	put(t, store, dir+"/v1-rc/link", "x")
	gone(t, store, dir+"/v1")
	_, err := store.Driver().List(t.Context(), dir+"/v1")
	notFound(t, err)
	notFound(t, store.Driver().Delete(t.Context(), dir+"/v1"))
}

func listed(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	put(t, store, dir+"/a", "1")
	put(t, store, dir+"/b/c", "2")
	put(t, store, dir+"/b/d/e", "3")
	paths, err := store.Driver().List(t.Context(), dir)
	assert.NilError(t, err)
	slices.Sort(paths)
	assert.DeepEqual(t, paths, []string{dir + "/a", dir + "/b"})
	paths, err = store.Driver().List(t.Context(), "/")
	assert.NilError(t, err)
	assert.DeepEqual(t, paths, []string{"/docker"})
}

func walked(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	want := []string{dir, dir + "/b", dir + "/b/c", dir + "/b/d", dir + "/b/d/e", dir + "/x"}
	for _, p := range []string{dir + "/b/c", dir + "/b/d/e", dir + "/x"} {
		put(t, store, p, "1")
	}
	var paths []string
	err := store.Driver().Walk(t.Context(), layout.Repositories+"/step", func(info storagedriver.FileInfo) error {
		paths = append(paths, info.Path())
		return nil
	})
	assert.NilError(t, err)
	assert.DeepEqual(t, paths, want)
}

func walkSkips(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	put(t, store, dir+"/a/x", "1")
	put(t, store, dir+"/b/x", "1")
	var files []string
	err := store.Driver().Walk(t.Context(), dir, func(info storagedriver.FileInfo) error {
		if info.Path() == dir+"/a" {
			return storagedriver.ErrSkipDir
		}
		if !info.IsDir() {
			files = append(files, info.Path())
		}
		return nil
	})
	assert.NilError(t, err)
	assert.DeepEqual(t, files, []string{dir + "/b/x"})
}

func walkFails(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	put(t, store, dir+"/a", "1")
	sentinel := errors.New("enough")
	err := store.Driver().Walk(t.Context(), layout.Root, func(storagedriver.FileInfo) error { return sentinel })
	assert.ErrorIs(t, err, sentinel)
}

func readFrom(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	put(t, store, dir+"/a", "0123456789")
	for offset, want := range map[int64]string{0: "0123456789", 4: "456789", 9: "9", 10: ""} {
		reader, err := store.Driver().Reader(t.Context(), dir+"/a", offset)
		assert.NilError(t, err)
		content, err := io.ReadAll(reader)
		assert.NilError(t, err)
		assert.Equal(t, string(content), want)
		assert.NilError(t, reader.Close())
	}
	_, err := store.Driver().Reader(t.Context(), dir+"/a", -1)
	_, ok := err.(storagedriver.InvalidOffsetError) //nolint:errorlint // the library looks no deeper
	assert.Assert(t, ok, "%T", err)
}
