package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// appending opens the file of an upload to go on with it.
func appending(t *testing.T, store *storage.Store) storagedriver.FileWriter {
	t.Helper()
	writer, err := store.Driver().Writer(t.Context(), layout.UploadData(uploadDir), true)
	assert.NilError(t, err)
	return writer
}

// openSyncing opens a directory that syncs by sync.
func openSyncing(t *testing.T, sync func(*os.File) error) *storage.Store {
	t.Helper()
	store, err := storage.OpenSyncing(t.Context(), t.TempDir(), time.Second, sync)
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, store.Close()) })
	return store
}

func TestWhoGoesOnWithAnUploadIsTheOnlyWriterOfIt(t *testing.T) {
	store := open(t, storage.Config{Root: t.TempDir()})
	lost := appending(t, store)
	_, err := lost.Write([]byte("one "))
	assert.NilError(t, err)
	again := appending(t, store)
	assert.Equal(t, again.Size(), int64(4))
	_, err = lost.Write([]byte("oh no"))
	assert.ErrorContains(t, err, "another request goes on with this upload")
	// What the library does when a request ends:
	assert.ErrorContains(t, lost.Commit(t.Context()), "another request goes on with this upload")
	assert.ErrorContains(t, lost.Cancel(t.Context()), "another request goes on with this upload")
	assert.NilError(t, lost.Close())
	_, err = again.Write([]byte("two"))
	assert.NilError(t, err)
	assert.NilError(t, again.Commit(t.Context()))
	assert.NilError(t, again.Close())
	got(t, store, layout.UploadData(uploadDir), "one two")
}

func TestABlobStaysAsItWasWhoeverStillUploadsIt(t *testing.T) {
	for name, late := range map[string]bool{"who began before": false, "who began once all was there": true} {
		t.Run(name, func(t *testing.T) {
			store := open(t, storage.Config{Root: t.TempDir()})
			blob := layout.BlobData(digest.FromString("good"))
			var other storagedriver.FileWriter
			if !late {
				other = appending(t, store)
			}
			writer := appending(t, store)
			_, err := writer.Write([]byte("good"))
			assert.NilError(t, err)
			assert.NilError(t, writer.Commit(t.Context()))
			assert.NilError(t, writer.Close())
			if late {
				other = appending(t, store)
			}
			assert.NilError(t, store.Driver().Move(t.Context(), layout.UploadData(uploadDir), blob))
			_, err = other.Write([]byte("evil"))
			assert.Assert(t, err != nil)
			got(t, store, blob, "good")
			assert.NilError(t, other.Close())
			assert.NilError(t, store.Driver().Delete(t.Context(), uploadDir))
			write(t, store, layout.UploadData(uploadDir), "an upload of the same name", true)
		})
	}
}

func TestWhoPutsAnUploadOnTheDiskIsNotOvertaken(t *testing.T) {
	var store *storage.Store
	asked := make(chan storagedriver.FileWriter, 1)
	store = openSyncing(t, func(file *os.File) error {
		if filepath.Base(file.Name()) == "data" && len(asked) == 0 {
			go func() { asked <- appending(t, store) }()
			time.Sleep(50 * time.Millisecond) // it has time to go wrong
		}
		return file.Sync()
	})
	writer := appending(t, store)
	_, err := writer.Write([]byte("whole"))
	assert.NilError(t, err)
	assert.NilError(t, writer.Commit(t.Context()))
	assert.NilError(t, writer.Close())
	late := <-asked
	assert.Equal(t, late.Size(), int64(5))
	_, err = late.Write([]byte("more"))
	assert.ErrorContains(t, err, "this upload is whole already")
	assert.NilError(t, late.Close())
}

func TestAnUploadThatCouldNotBePutOnTheDiskGoesOn(t *testing.T) {
	broken := true
	store := openSyncing(t, func(file *os.File) error {
		if broken && filepath.Base(file.Name()) == "data" {
			return errors.New("broken")
		}
		return file.Sync()
	})
	write(t, store, layout.UploadData(uploadDir), "one ", true)
	lost := appending(t, store)
	_, err := lost.Write([]byte("oh no"))
	assert.NilError(t, err)
	assert.ErrorContains(t, lost.Commit(t.Context()), "broken")
	broken = false
	commit(t, store, layout.UploadData(uploadDir), "two")
	got(t, store, layout.UploadData(uploadDir), "one two")
}

func TestAWriterThatIsLeftUnclosedHoldsNoFile(t *testing.T) {
	store := open(t, storage.Config{Root: t.TempDir()})
	appending(t, store)
	for isOpen(t, "/"+filepath.Base(uploadDir)+"/data") {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}

// isOpen tells whether this process has a file open whose name ends so.
func isOpen(t *testing.T, suffix string) bool {
	t.Helper()
	const fds = "/proc/self/fd"
	entries, err := os.ReadDir(fds)
	assert.NilError(t, err)
	return slices.ContainsFunc(entries, func(entry os.DirEntry) bool {
		name, _ := os.Readlink(filepath.Join(fds, entry.Name())) // some are closed meanwhile
		return strings.HasSuffix(name, suffix)
	})
}

func TestAnUploadWhoseEndFailedCanBeEndedAgain(t *testing.T) {
	store := open(t, storage.Config{Root: t.TempDir()})
	for range 2 {
		writer := appending(t, store)
		if writer.Size() == 0 {
			_, err := writer.Write([]byte("whole"))
			assert.NilError(t, err)
		}
		assert.NilError(t, writer.Commit(t.Context()))
		assert.NilError(t, writer.Close())
	}
	got(t, store, layout.UploadData(uploadDir), "whole")
}
