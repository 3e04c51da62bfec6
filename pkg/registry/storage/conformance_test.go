package storage_test

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// conform is what every storage must do. Each test gets one that is empty. Those that again opens hold the same data: another
// process after this one, or, where that is possible, beside it.
func conform(t *testing.T, open func(t *testing.T) (store *storage.Store, again func() *storage.Store)) {
	tests := map[string]func(t *testing.T, store *storage.Store, again func() *storage.Store){
		"what is put is got":                              putIsGot,
		"what is put is replaced":                         putReplaces,
		"empty content is content":                        emptyIsContent,
		"what is not there is not found":                  missingIsNotFound,
		"a name that begins like another is not it":       prefixIsNotFound,
		"what is below a directory is listed":             listed,
		"a walk meets everything once":                    walked,
		"a walk passes by what it is told to":             walkSkips,
		"an error of a walk is its error":                 walkFails,
		"reading begins at an offset":                     readFrom,
		"a written file is whole":                         writtenWhole,
		"a written file is gone on with":                  appended,
		"a large file is gone on with in pieces":          appendedLarge,
		"a writer counts what was there":                  sizeCounts,
		"what is cancelled is not there":                  cancelled,
		"what is cancelled once it is closed is gone":     cancelledLate,
		"what is moved is there and not here":             moved,
		"what is moved replaces":                          movedReplaces,
		"what is deleted is gone with all below":          deleted,
		"what is deleted takes no neighbour along":        deletedAlone,
		"many write at once":                              parallel,
		"of many who put one file one is whole":           parallelOne,
		"what was put is there for the next":              outlives,
		"an upload goes on at the next":                   uploadOutlives,
		"uploads that nobody went on with are removed":    abandoned,
		"uploads that somebody goes on with are kept":     notAbandoned,
		"a path that is none is refused":                  badPaths,
		"a storage that is open can be written to":        writable,
		"what others removed the directory of can be put": putWhileRemoved,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			store, again := open(t)
			test(t, store, again)
		})
	}
}

func put(t *testing.T, store *storage.Store, path, content string) {
	t.Helper()
	assert.NilError(t, store.Driver().PutContent(t.Context(), path, []byte(content)))
}

func got(t *testing.T, store *storage.Store, path, want string) {
	t.Helper()
	content, err := store.Driver().GetContent(t.Context(), path)
	assert.NilError(t, err)
	assert.Assert(t, string(content) == want, "%s has %d bytes, not these %d", path, len(content), len(want))
}

func gone(t *testing.T, store *storage.Store, path string) {
	t.Helper()
	_, err := store.Driver().Stat(t.Context(), path)
	notFound(t, err)
}

// notFound asserts on the type of err as the library does, without unwrapping it.
func notFound(t *testing.T, err error) {
	t.Helper()
	_, ok := err.(storagedriver.PathNotFoundError) //nolint:errorlint // the library looks no deeper
	assert.Assert(t, ok, "%T %v", err, err)
}

// write appends to, or begins, a file, and closes it without a commit.
func write(t *testing.T, store *storage.Store, path, content string, appended bool) {
	t.Helper()
	writer, err := store.Driver().Writer(t.Context(), path, appended)
	assert.NilError(t, err)
	n, err := io.Copy(writer, strings.NewReader(content))
	assert.NilError(t, err)
	assert.Equal(t, n, int64(len(content)))
	assert.NilError(t, writer.Close())
}

// commit appends to a file and commits it.
func commit(t *testing.T, store *storage.Store, path, content string) {
	t.Helper()
	writer, err := store.Driver().Writer(t.Context(), path, true)
	assert.NilError(t, err)
	_, err = io.Copy(writer, strings.NewReader(content))
	assert.NilError(t, err)
	assert.NilError(t, writer.Commit(t.Context()))
	assert.NilError(t, writer.Close())
}

// text is so many bytes that are the same each time. They repeat at no length that anything is cut at.
func text(size int) string {
	block := make([]byte, 65521)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(block) // it never fails
	return strings.Repeat(string(block), size/len(block)+1)[:size]
}

const dir = layout.Repositories + "/step/_manifests"

var uploadDir = layout.Uploads("deep/er/step") + "/0b7d1f9e-7e43-4d6f-9f36-3c8d2c1f5a10"

// upload makes an unfinished upload, as the library does.
func upload(t *testing.T, store *storage.Store, dir string) {
	t.Helper()
	put(t, store, dir+"/startedat", time.Now().UTC().Format(time.RFC3339))
	write(t, store, dir+"/data", "", false)
	put(t, store, dir+"/hashstates/sha256/0", "state")
	write(t, store, dir+"/data", "half of", true)
}
