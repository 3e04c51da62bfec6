package storage_test

import (
	"slices"
	"testing"
	"time"

	"github.com/distribution/distribution/v3"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

func writtenWhole(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	content := text(11<<20 + 3)
	writer, err := store.Driver().Writer(t.Context(), uploadDir+"/data", false)
	assert.NilError(t, err)
	for piece := range slices.Chunk([]byte(content), 1<<15) {
		n, err := writer.Write(piece)
		assert.NilError(t, err)
		assert.Equal(t, n, len(piece))
	}
	assert.NilError(t, writer.Commit(t.Context()))
	assert.Equal(t, writer.Size(), int64(len(content)))
	assert.NilError(t, writer.Close())
	got(t, store, uploadDir+"/data", content)
}

func appended(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	write(t, store, uploadDir+"/data", "", false)
	write(t, store, uploadDir+"/data", "one ", true)
	write(t, store, uploadDir+"/data", "two ", true)
	commit(t, store, uploadDir+"/data", "three")
	got(t, store, uploadDir+"/data", "one two three")
}

func appendedLarge(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	content := text(26 << 20)
	ends := []int{0, 7 << 20, 7<<20 + 5, 19 << 20}
	for i, end := range ends[1:] {
		write(t, store, uploadDir+"/data", content[ends[i]:end], i > 0)
	}
	commit(t, store, uploadDir+"/data", content[ends[len(ends)-1]:])
	got(t, store, uploadDir+"/data", content)
}

func sizeCounts(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	write(t, store, uploadDir+"/data", "0123456789", false)
	writer, err := store.Driver().Writer(t.Context(), uploadDir+"/data", true)
	assert.NilError(t, err)
	assert.Equal(t, writer.Size(), int64(10))
	_, err = writer.Write([]byte("ab"))
	assert.NilError(t, err)
	assert.NilError(t, writer.Close())
	assert.Equal(t, writer.Size(), int64(12))
}

func cancelled(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	writer, err := store.Driver().Writer(t.Context(), uploadDir+"/data", false)
	assert.NilError(t, err)
	_, err = writer.Write([]byte("x"))
	assert.NilError(t, err)
	assert.NilError(t, writer.Cancel(t.Context()))
	gone(t, store, uploadDir+"/data")
}

func cancelledLate(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	writer, err := store.Driver().Writer(t.Context(), uploadDir+"/data", false)
	assert.NilError(t, err)
	_, err = writer.Write([]byte("x"))
	assert.NilError(t, err)
	assert.NilError(t, writer.Commit(t.Context()))
	assert.NilError(t, writer.Close())
	assert.NilError(t, writer.Cancel(t.Context()))
	gone(t, store, uploadDir+"/data")

	writer, err = store.Driver().Writer(t.Context(), uploadDir+"/data", false)
	assert.NilError(t, err)
	_, err = writer.Write([]byte("x"))
	assert.NilError(t, err)
	assert.NilError(t, writer.Close())
	assert.NilError(t, writer.Cancel(t.Context()))
	gone(t, store, uploadDir+"/data")
	if _, ok := store.Root(); !ok { // nothing is left of the parts
		_, err = store.Driver().Writer(t.Context(), uploadDir+"/data", true)
		assert.Equal(t, err, distribution.ErrBlobUploadUnknown)
	}
}

func uploadOutlives(t *testing.T, store *storage.Store, again func() *storage.Store) {
	content := text(6<<20 + 100)
	put(t, store, uploadDir+"/startedat", time.Now().UTC().Format(time.RFC3339))
	write(t, store, uploadDir+"/data", content[:6<<20], false)
	next := again()
	commit(t, next, uploadDir+"/data", content[6<<20:])
	got(t, next, uploadDir+"/data", content)
}

func abandoned(t *testing.T, store *storage.Store, again func() *storage.Store) {
	put(t, store, dir+"/a", "hello")
	others := layout.Uploads("step") + "/5d3e1c9a-0000-4d6f-9f36-3c8d2c1f5a11"
	upload(t, store, uploadDir)
	upload(t, store, others)
	for sum := 0; sum < 2; { // a bucket's times are of another clock, in whole seconds
		removed, err := store.AbandonUploads(t.Context(), 0)
		assert.NilError(t, err)
		sum += removed
	}
	gone(t, store, uploadDir)
	gone(t, store, others)
	if _, ok := store.Root(); !ok { // nothing is left of the parts
		_, err := store.Driver().Writer(t.Context(), uploadDir+"/data", true)
		assert.Equal(t, err, distribution.ErrBlobUploadUnknown)
	}
	next := again()
	gone(t, next, others)
	got(t, next, dir+"/a", "hello")
}

func notAbandoned(t *testing.T, store *storage.Store, _ func() *storage.Store) {
	upload(t, store, uploadDir)
	removed, err := store.AbandonUploads(t.Context(), time.Hour)
	assert.NilError(t, err)
	assert.Equal(t, removed, 0)
	commit(t, store, uploadDir+"/data", " it")
	got(t, store, uploadDir+"/data", "half of it")
}
