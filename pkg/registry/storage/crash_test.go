package storage_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

const (
	writers = 4 // in the process that is killed
	rounds  = 6
	maxAcks = 150 // in a round
)

// writeForever is a process that writes as the library does, and prints what is acknowledged: "blob DIGEST" and "tag NAME DIGEST".
func writeForever() {
	driver := openRoot().Driver()
	var printing sync.Mutex
	acknowledge := func(format string, args ...any) {
		printing.Lock()
		defer printing.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	for i := range writers {
		go func() {
			repo := fmt.Sprintf("repo-%d", i)
			for {
				if err := pushOnce(driver, repo, acknowledge); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}
		}()
	}
	select {} // until it is killed
}

// pushOnce uploads a blob in two requests, links it, and moves a tag onto it.
func pushOnce(driver storagedriver.StorageDriver, repo string, acknowledge func(string, ...any)) error {
	ctx := context.Background()
	content := strings.Repeat(fmt.Sprintf("%s %d\n", repo, rand.Uint64()), 1+rand.IntN(5000))
	d := digest.FromString(content)
	upload := fmt.Sprintf("%s/%016x-0000-0000-0000-000000000000", layout.Uploads(repo), rand.Uint64())
	if err := driver.PutContent(ctx, upload+"/startedat", []byte(time.Now().UTC().Format(time.RFC3339))); err != nil {
		return err
	}
	for _, part := range []struct {
		content  string
		appended bool
		last     bool
	}{{content: content[:len(content)/2]}, {content: content[len(content)/2:], appended: true, last: true}} {
		writer, err := driver.Writer(ctx, upload+"/data", part.appended)
		if err != nil {
			return err
		}
		if _, err := io.Copy(writer, strings.NewReader(part.content)); err != nil {
			return err
		}
		if part.last {
			if err := writer.Commit(ctx); err != nil {
				return err
			}
		}
		if err := writer.Close(); err != nil {
			return err
		}
	}
	if err := driver.Move(ctx, upload+"/data", layout.BlobData(d)); err != nil {
		return err
	}
	if err := driver.PutContent(ctx, layout.Layer(repo, d), []byte(d)); err != nil {
		return err
	}
	acknowledge("blob %s %s", repo, d)
	if err := driver.Delete(ctx, upload); err != nil {
		return err
	}
	if err := driver.PutContent(ctx, layout.TagCurrent(repo, "v1"), []byte(d)); err != nil {
		return err
	}
	acknowledge("tag %s %s", repo, d)
	return nil
}

func TestWhatIsAcknowledgedSurvivesAKill(t *testing.T) {
	root := t.TempDir()
	var blobs [][2]string
	for range rounds {
		process, lines := participant(t, "write", root)
		lastTag, lastBlob := map[string]string{}, map[string]string{}
		for left := 1 + rand.IntN(maxAcks); lines.Scan(); left-- {
			if left == 0 {
				assert.NilError(t, process.Process.Kill())
			}
			// What was printed before the kill counts, whenever it is read.
			fields := strings.Fields(lines.Text())
			if fields[0] == "tag" {
				lastTag[fields[1]] = fields[2]
			} else {
				lastBlob[fields[1]] = fields[2]
				blobs = append(blobs, [2]string{fields[1], fields[2]})
			}
		}
		kill(process)

		store := open(t, storage.Config{Root: root})
		for _, blob := range blobs {
			d := digest.Digest(blob[1])
			got(t, store, layout.Layer(blob[0], d), blob[1])
			_, err := store.Driver().Stat(t.Context(), layout.BlobData(d))
			assert.NilError(t, err)
		}
		for repo, d := range lastTag {
			tag, err := store.Driver().GetContent(t.Context(), layout.TagCurrent(repo, "v1"))
			assert.NilError(t, err)
			// It may have been killed between the move of the tag and its acknowledgement.
			assert.Assert(t, string(tag) == d || string(tag) == lastBlob[repo], "%s is neither %s nor %s", tag, d, lastBlob[repo])
		}
		assertWhole(t, store)
		assert.DeepEqual(t, temporaries(t, root), []string(nil))
		_, err := store.AbandonUploads(t.Context(), 0)
		assert.NilError(t, err)
		assertNoUploads(t, store)
		assert.NilError(t, store.Close())
	}
	assert.Assert(t, len(blobs) > 0, "nothing was acknowledged")
}

// assertWhole asserts that each blob has the content that its name says, and each link leads to a blob.
func assertWhole(t *testing.T, store *storage.Store) {
	t.Helper()
	driver := store.Driver()
	err := driver.Walk(t.Context(), layout.Root, func(info storagedriver.FileInfo) error {
		p := info.Path()
		if _, ok := layout.InUpload(p); ok || info.IsDir() {
			return nil
		}
		content, err := driver.GetContent(t.Context(), p)
		if err != nil {
			return err
		}
		if strings.HasPrefix(p, layout.Blobs) {
			assert.Equal(t, p, layout.BlobData(digest.FromBytes(content)))
			return nil
		}
		_, err = driver.Stat(t.Context(), layout.BlobData(digest.Digest(content)))
		return err
	})
	assert.NilError(t, err)
}

func assertNoUploads(t *testing.T, store *storage.Store) {
	t.Helper()
	err := store.Driver().Walk(t.Context(), layout.Repositories, func(info storagedriver.FileInfo) error {
		_, ok := layout.InUpload(info.Path())
		assert.Assert(t, !ok, "%s is left", info.Path())
		return nil
	})
	assert.NilError(t, err)
}
