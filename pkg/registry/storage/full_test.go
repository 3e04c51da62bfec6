package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

const (
	diskSize  = 2 << 20 // bytes
	diskFiles = 100     // and directories
	page      = 4 << 10 // bytes
)

// disk mounts a small disk until the test ends. Where that is not permitted the test is skipped, but fails where CI is true.
func disk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,nr_inodes=%d", diskSize, diskFiles))
	if errors.Is(err, unix.EPERM) && os.Getenv("CI") != "true" {
		t.Skip("a disk cannot be mounted here, it takes root")
	}
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// fill leaves room for no more than that many pages, and returns how to make room again.
func fill(t *testing.T, root string, pages int) (empty func()) {
	t.Helper()
	name := filepath.Join(root, "filler")
	file, err := os.Create(name)
	assert.NilError(t, err)
	free := freeIn(t, root) - int64(pages)*page
	assert.NilError(t, unix.Fallocate(int(file.Fd()), 0, 0, free))
	assert.NilError(t, file.Close())
	assert.Equal(t, freeIn(t, root), int64(pages)*page)
	return func() { assert.NilError(t, os.Remove(name)) }
}

// freeIn is the room on a disk, in bytes.
func freeIn(t *testing.T, root string) int64 {
	t.Helper()
	var of unix.Statfs_t
	assert.NilError(t, unix.Statfs(root, &of))
	return int64(of.Bavail) * of.Bsize
}

func TestAFullDiskIsToldAndWhatWasWrittenIsTakenBack(t *testing.T) {
	root := disk(t)
	store := open(t, storage.Config{Root: root})
	driver := store.Driver()
	put(t, store, dir+"/a", "old")
	write(t, store, uploadDir+"/data", text(10*page), false)
	empty := fill(t, root, 4)

	for name, try := range map[string]func(ctx context.Context) error{
		"a file": func(ctx context.Context) error { return driver.PutContent(ctx, dir+"/a", make([]byte, 5*page)) },
		"a new file": func(ctx context.Context) error {
			return driver.PutContent(ctx, layout.Tag("other", "v1")+"/link", make([]byte, 5*page))
		},
		"an upload that goes on": func(ctx context.Context) error {
			writer, err := driver.Writer(ctx, uploadDir+"/data", true)
			assert.NilError(t, err)
			_, err = io.Copy(writer, strings.NewReader(text(100*page)))
			assert.Equal(t, writer.Size(), int64(10*page))
			assert.ErrorIs(t, writer.Commit(ctx), storage.ErrFull)
			assert.NilError(t, writer.Close())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, full := storage.WatchFull(t.Context())
			before := freeIn(t, root)
			assert.Assert(t, !full())
			assert.ErrorIs(t, try(context.WithoutCancel(ctx)), storage.ErrFull)
			assert.Assert(t, full())
			assert.Equal(t, freeIn(t, root), before)
			assert.DeepEqual(t, temporaries(t, root), []string(nil))
		})
	}
	gone(t, store, layout.Repository("other"))
	got(t, store, dir+"/a", "old")
	free, size, ok := store.Space(t.Context())
	assert.Assert(t, ok)
	assert.Equal(t, free, uint64(4*page))
	assert.Equal(t, size, uint64(diskSize))

	empty()
	put(t, store, dir+"/a", "new")
	got(t, store, dir+"/a", "new")
	commit(t, store, uploadDir+"/data", "the end")
	got(t, store, uploadDir+"/data", text(10*page)+"the end")
}

func TestADiskThatHasNoMoreFilesIsFullAndKeepsNoneOfARequest(t *testing.T) {
	root := disk(t)
	store := open(t, storage.Config{Root: root})
	fillers := 0
	for ; ; fillers++ {
		if err := os.WriteFile(fmt.Sprintf("%s/filler-%d", root, fillers), nil, 0o600); errors.Is(err, unix.ENOSPC) {
			break
		}
	}
	// There is room for the file while it is not whole, and for one of the directories above it.
	assert.NilError(t, os.Remove(fmt.Sprintf("%s/filler-%d", root, fillers-1)))
	assert.NilError(t, os.Remove(fmt.Sprintf("%s/filler-%d", root, fillers-2)))
	assert.Equal(t, filesFree(t, root), uint64(2))
	assert.ErrorIs(t, store.Driver().PutContent(t.Context(), "/a/b/c", nil), storage.ErrFull)
	assert.Equal(t, filesFree(t, root), uint64(2))
	gone(t, store, "/a")
	put(t, store, "/a/b", "")
}

// filesFree is how many files and directories can still be made on a disk.
func filesFree(t *testing.T, root string) uint64 {
	t.Helper()
	var of unix.Statfs_t
	assert.NilError(t, unix.Statfs(root, &of))
	return of.Ffree
}

func TestAFullDiskIsOpenedServedAndEmptied(t *testing.T) {
	root := disk(t)
	store := open(t, storage.Config{Root: root})
	put(t, store, dir+"/a", "old")
	put(t, store, dir+"/b", text(4*page))
	assert.NilError(t, store.Close())
	fill(t, root, 0)

	store = open(t, storage.Config{Root: root})
	assert.NilError(t, store.CheckWritable(t.Context()))
	got(t, store, dir+"/a", "old")
	assert.ErrorIs(t, store.Driver().PutContent(t.Context(), dir+"/a", []byte("new")), storage.ErrFull)
	assert.NilError(t, store.Driver().Delete(t.Context(), dir+"/b"))
	put(t, store, dir+"/a", "new")
}

func TestADirectoryInWhichNoFileCanBeMadeIsNotWritable(t *testing.T) {
	root := t.TempDir()
	store := open(t, storage.Config{Root: root})
	assert.NilError(t, store.CheckWritable(t.Context()))
	assert.NilError(t, os.Remove(root+"/.tmp"))
	assert.NilError(t, os.Symlink("/proc", root+"/.tmp"))
	assert.ErrorContains(t, store.CheckWritable(t.Context()), "writing to the root directory")
}

// The library makes strings of errors; the request knows nevertheless.
func TestARequestKnowsThatTheDiskIsFull(t *testing.T) {
	root := disk(t)
	store := open(t, storage.Config{Root: root})
	var full func() bool
	server := serve(t, store, func(r *http.Request) *http.Request {
		var ctx context.Context
		ctx, full = storage.WatchFull(r.Context())
		return r.WithContext(ctx)
	})
	small := "small"
	assert.Equal(t, server.upload(t, small, digest.FromString(small)).StatusCode, http.StatusCreated)
	assert.Assert(t, !full())
	empty := fill(t, root, 8)

	large := text(100 * page)
	for name, method := range map[string]string{"the last request": http.MethodPut, "a request in between": http.MethodPatch} {
		t.Run(name, func(t *testing.T) {
			location := server.begin(t)
			before := freeIn(t, root)
			if method == http.MethodPut {
				location += "&digest=" + digest.FromString(large).String()
			}
			res := server.do(t, method, location, large)
			assert.Assert(t, res.StatusCode >= http.StatusBadRequest, res.Status)
			assert.Assert(t, full())
			assert.Equal(t, freeIn(t, root), before)
		})
	}
	assert.Equal(t, server.do(t, http.MethodGet, server.url(digest.FromString(small)), "").StatusCode, http.StatusOK)
	empty()
	assert.Equal(t, server.upload(t, large, digest.FromString(large)).StatusCode, http.StatusCreated)
	assert.Assert(t, !full())
}

func TestTheLibrarysErrorsCanBeUnwrapped(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		full bool
	}{
		"a disk":          {unix.ENOSPC, true},
		"a quota":         {&os.PathError{Op: "write", Err: unix.EDQUOT}, true},
		"wrapped":         {fmt.Errorf("flush: %w", unix.ENOSPC), true},
		"several":         {errors.Join(io.EOF, unix.ENOSPC), true},
		"something else":  {unix.EIO, false},
		"nothing so full": {errors.New("no space left on device"), false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, wrapped := range []error{tt.err, storagedriver.Error{DriverName: "filesystem", Detail: tt.err}} {
				ctx, full := storage.WatchFull(t.Context())
				err := storage.Told(ctx, wrapped)
				assert.Equal(t, errors.Is(err, storage.ErrFull), tt.full)
				assert.Equal(t, full(), tt.full)
				assert.ErrorIs(t, err, tt.err)
			}
		})
	}
	notFound(t, storage.Told(t.Context(), storagedriver.PathNotFoundError{Path: "/a"}))
	assert.NilError(t, storage.Told(t.Context(), nil))
}
