package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"golang.org/x/sync/errgroup"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

func moved(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	content := text(33 << 20) // more than is copied at once in a bucket
	write(t, store, uploadDir+"/data", "", false)
	commit(t, store, uploadDir+"/data", content)
	assert.NilError(t, store.Driver().Move(t.Context(), uploadDir+"/data", dir+"/new/place"))
	got(t, store, dir+"/new/place", content)
	gone(t, store, uploadDir+"/data")
}

func movedReplaces(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	put(t, store, dir+"/a", "old")
	put(t, store, dir+"/b", "new")
	assert.NilError(t, store.Driver().Move(t.Context(), dir+"/b", dir+"/a"))
	got(t, store, dir+"/a", "new")
	gone(t, store, dir+"/b")
}

func deleted(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	for _, p := range []string{"/a", "/a2", "/tag/current/link", "/tag/index/sha256/x/link"} {
		put(t, store, dir+p, "1")
	}
	assert.NilError(t, store.Driver().Delete(t.Context(), dir+"/tag"))
	gone(t, store, dir+"/tag")
	gone(t, store, dir+"/tag/current/link")
	assert.NilError(t, store.Driver().Delete(t.Context(), dir+"/a"))
	gone(t, store, dir+"/a")
	got(t, store, dir+"/a2", "1")
}

func deletedAlone(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	put(t, store, dir+"/v1/link", "1")
	put(t, store, dir+"/v10/link", "10")
	assert.NilError(t, store.Driver().Delete(t.Context(), dir+"/v1"))
	gone(t, store, dir+"/v1")
	got(t, store, dir+"/v10/link", "10")
}

func parallel(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	var writers errgroup.Group
	for i := range 32 {
		writers.Go(func() error {
			p := fmt.Sprintf("%s/%d/%d/link", dir, i%4, i)
			return store.Driver().PutContent(t.Context(), p, []byte(p))
		})
	}
	assert.NilError(t, writers.Wait())
	for i := range 32 {
		p := fmt.Sprintf("%s/%d/%d/link", dir, i%4, i)
		got(t, store, p, p)
	}
}

func parallelOne(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	put(t, store, dir+"/a", strings.Repeat("z", 1<<16))
	var writers errgroup.Group
	for i := range 8 {
		writers.Go(func() error {
			return store.Driver().PutContent(t.Context(), dir+"/a", bytes.Repeat([]byte{byte('a' + i)}, 1<<16))
		})
		writers.Go(func() error {
			content, err := store.Driver().GetContent(t.Context(), dir+"/a")
			if err == nil && (len(content) != 1<<16 || strings.Trim(string(content), string(content[:1])) != "") {
				err = errors.New("a reader got half of it")
			}
			return err
		})
	}
	assert.NilError(t, writers.Wait())
}

func outlives(t *testing.T, store *storage.Store, again func() *storage.Store) {
	put(t, store, dir+"/a", "hello")
	got(t, again(), dir+"/a", "hello")
}

func badPaths(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	for _, p := range []string{"", "/", "a", "/a/", "/a//b", "/a b", "/ä"} {
		err := store.Driver().PutContent(t.Context(), p, nil)
		_, ok := err.(storagedriver.InvalidPathError) //nolint:errorlint // the library looks no deeper
		assert.Assert(t, ok, "%q: %T", p, err)
		_, err = store.Driver().Writer(t.Context(), p, false)
		assert.Assert(t, err != nil, p)
		assert.Assert(t, store.Driver().Delete(t.Context(), p) != nil, p)
		assert.Assert(t, store.Driver().Move(t.Context(), "/a", p) != nil, p)
	}
}

func writable(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	assert.NilError(t, store.CheckWritable(t.Context()))
}

func putWhileRemoved(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var remover errgroup.Group
	if root, ok := store.Root(); ok { // a bucket has no directories
		remover.Go(func() error {
			for ctx.Err() == nil {
				_ = os.Remove(filepath.Join(root, dir, "b")) // only where it is there, and empty
			}
			return nil
		})
	}
	for range 20 {
		put(t, store, dir+"/b/c", "x")
		got(t, store, dir+"/b/c", "x")
		assert.NilError(t, store.Driver().Delete(t.Context(), dir+"/b/c"))
	}
	stop()
	assert.NilError(t, remover.Wait())
}
