package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// syncs records what is synced below a root.
type syncs struct {
	root string
	// before, if any, is asked before a file or directory is synced, by its path below the root.
	before func(path string) error

	mu    sync.Mutex
	paths []string
}

func (s *syncs) sync(file *os.File) error {
	path, err := filepath.Rel(s.root, file.Name())
	if err != nil {
		return err
	}
	if strings.HasPrefix(path, ".tmp/") {
		path = ".tmp/…"
	}
	if s.before != nil {
		if err := s.before(path); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.paths = append(s.paths, path)
	s.mu.Unlock()
	return file.Sync()
}

// take returns what was synced since the last time, in order but for directories, whose order does not matter.
func (s *syncs) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.paths
	s.paths = nil
	slices.Sort(taken)
	return taken
}

// recorded opens a directory whose syncs are recorded.
func recorded(t *testing.T) (*storage.Store, *syncs) {
	t.Helper()
	record := &syncs{root: t.TempDir()}
	store, err := storage.OpenSyncing(t.Context(), record.root, 0, record.sync)
	assert.NilError(t, err)
	t.Cleanup(func() { _ = store.Close() }) // it may be closed
	return store, record
}

func TestWhatIsPutIsSyncedAndSoIsEachNewDirectory(t *testing.T) {
	store, record := recorded(t)
	there := func(name string) bool {
		_, err := os.Lstat(filepath.Join(record.root, name))
		return err == nil
	}
	record.before = func(path string) error {
		if whole := path != ".tmp/…"; whole != there("a/b/c") {
			return errors.New(path + " is synced too early or too late")
		}
		return nil
	}
	put(t, store, "/a/b/c", "x")
	assert.DeepEqual(t, record.take(), []string{".", ".tmp/…", "a", "a/b"})

	record.before = nil
	put(t, store, "/a/b/c", "y")
	assert.DeepEqual(t, record.take(), []string{".tmp/…", "a/b"})
	put(t, store, "/a/b2/c", "y")
	assert.DeepEqual(t, record.take(), []string{".tmp/…", "a", "a/b2"})
}

func TestABlobIsSyncedOnceAndItsDirectories(t *testing.T) {
	store, record := recorded(t)
	put(t, store, layout.Layers("deep/er/step")+"/x", "")
	record.take()
	upload(t, store, uploadDir)
	assert.DeepEqual(t, record.take(), []string(nil))
	commit(t, store, uploadDir+"/data", "x")
	data := strings.TrimPrefix(uploadDir, "/") + "/data"
	assert.DeepEqual(t, record.take(), []string{data})
	assert.NilError(t, store.Driver().Move(t.Context(), uploadDir+"/data", layout.Blobs+"/sha256/ab/abc/data"))
	blobs := strings.TrimPrefix(layout.Blobs, "/")
	assert.DeepEqual(t, record.take(), []string{filepath.Dir(blobs), blobs, blobs + "/sha256", blobs + "/sha256/ab", blobs + "/sha256/ab/abc"})
	assert.NilError(t, store.Driver().Delete(t.Context(), uploadDir))
	assert.DeepEqual(t, record.take(), []string(nil))
}

func TestTheDirectoriesThatAnUploadMakesAreSyncedWithWhatLasts(t *testing.T) {
	store, record := recorded(t)
	put(t, store, layout.Layers("step")+"/x", "")
	record.take()
	upload(t, store, layout.Uploads("new/step")+"/0b7d1f9e")
	assert.DeepEqual(t, record.take(), []string(nil))
	put(t, store, layout.Layers("step")+"/y", "")
	repositories := strings.TrimPrefix(layout.Repositories, "/")
	assert.DeepEqual(t, record.take(), []string{".tmp/…", repositories, repositories + "/new", repositories + "/step/_layers"})
	put(t, store, layout.Layers("step")+"/z", "")
	assert.DeepEqual(t, record.take(), []string{".tmp/…", repositories + "/step/_layers"})
}

func TestADeletionIsSyncedButThatOfABlobsData(t *testing.T) {
	store, record := recorded(t)
	put(t, store, layout.Tag("step", "v1")+"/current/link", "x")
	put(t, store, layout.Blobs+"/sha256/ab/abc/data", "x")
	record.take()
	assert.NilError(t, store.Driver().Delete(t.Context(), layout.Tag("step", "v1")))
	assert.DeepEqual(t, record.take(), []string{strings.TrimPrefix(layout.Tags("step"), "/")})
	assert.NilError(t, store.Driver().Delete(t.Context(), layout.Blobs+"/sha256/ab/abc"))
	assert.DeepEqual(t, record.take(), []string(nil))
}

// A directory, or a blob, that is seen is not there for good yet: who builds upon it is not done before.
func TestWhoeverBuildsUponWhatIsNotSyncedWaits(t *testing.T) {
	store, record := recorded(t)
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		record.before = func(path string) error {
			if path == "." { // of which only the first makes an entry
				<-goOn
			}
			return nil
		}
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- store.Driver().PutContent(t.Context(), "/a/first", nil) }()
		synctest.Wait()
		_, err := store.Driver().Stat(t.Context(), "/a/first")
		assert.NilError(t, err)
		go func() { second <- store.Driver().PutContent(t.Context(), "/a/second", nil) }()
		synctest.Wait()
		assert.Equal(t, len(second), 0, "the second is done, the directory of both is not")
		close(goOn)
		assert.NilError(t, <-first)
		assert.NilError(t, <-second)
	})
}

func TestWhatOneCouldNotSyncTheNextDoes(t *testing.T) {
	store, record := recorded(t)
	broken := errors.New("broken")
	record.before = func(path string) error {
		if path == "." {
			return broken
		}
		return nil
	}
	assert.ErrorIs(t, store.Driver().PutContent(t.Context(), "/a/first", nil), broken)
	assert.ErrorIs(t, store.Driver().PutContent(t.Context(), "/a/second", nil), broken)
	record.before = nil
	record.take()
	put(t, store, "/a/third", "")
	assert.DeepEqual(t, record.take(), []string{".", ".tmp/…", "a"})
	put(t, store, "/a/fourth", "")
	assert.DeepEqual(t, record.take(), []string{".tmp/…", "a"})
}

func TestWhatCannotBeSyncedIsNotThere(t *testing.T) {
	store, record := recorded(t)
	put(t, store, "/a/b", "old")
	broken := errors.New("broken")
	record.before = func(string) error { return broken }
	assert.ErrorIs(t, store.Driver().PutContent(t.Context(), "/a/b", []byte("new")), broken)
	got(t, store, "/a/b", "old")
	assert.DeepEqual(t, temporaries(t, record.root), []string(nil))

	writer, err := store.Driver().Writer(t.Context(), uploadDir+"/data", false)
	assert.NilError(t, err)
	_, err = writer.Write([]byte("x"))
	assert.NilError(t, err)
	assert.ErrorIs(t, writer.Commit(t.Context()), broken)
	assert.NilError(t, writer.Cancel(t.Context()))
	gone(t, store, uploadDir+"/data")
}

func TestAnUploadIsAsOldAsItsLastChange(t *testing.T) {
	store, record := recorded(t)
	upload(t, store, uploadDir)
	dir := filepath.Join(record.root, uploadDir)
	old := time.Now().Add(-25 * time.Hour)
	for _, name := range []string{dir + "/startedat", dir + "/data", dir} {
		assert.NilError(t, os.Chtimes(name, old, old))
	}
	assert.NilError(t, os.Chtimes(dir+"/data", old, time.Now()))
	removed, err := store.AbandonUploads(t.Context(), 24*time.Hour)
	assert.NilError(t, err)
	assert.Equal(t, removed, 0)
	assert.NilError(t, os.Chtimes(dir+"/data", old, old))
	removed, err = store.AbandonUploads(t.Context(), 24*time.Hour)
	assert.NilError(t, err)
	assert.Equal(t, removed, 1)
	gone(t, store, uploadDir)
}
