package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// bigSize is that of a file of several parts and many segments, in bytes.
const bigSize = 150 << 20

// bigFile is a directory with one large file.
func bigFile(t *testing.T) *fs.Dir {
	t.Helper()
	dir := fs.NewDir(t, "from", fs.WithFile("big", ""))
	block := noise(rand.New(rand.NewPCG(5, 5)), 1<<20)
	f, err := os.OpenFile(dir.Join("big"), os.O_WRONLY, 0)
	assert.NilError(t, err)
	for i := range bigSize >> 20 {
		block[0], block[1<<19] = byte(i), byte(i) // so that no two blocks are alike
		_, err = f.Write(block)
		assert.NilError(t, err)
	}
	assert.NilError(t, f.Close())
	return dir
}

// counting is a source that counts the bytes that are read from it.
type counting struct {
	transfer.Source
	read atomic.Int64
}

func (c *counting) Open(ctx context.Context, paths []tree.Path) ([]transfer.File, error) {
	files, err := c.Source.Open(ctx, paths)
	for i := range files {
		files[i] = countedFile{files[i], &c.read}
	}
	return files, err
}

type countedFile struct {
	transfer.File
	read *atomic.Int64
}

func (f countedFile) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(b, at)
	f.read.Add(int64(n))
	return n, err
}

// cutUploads reads some of the first few parts and breaks the connection.
func cutUploads(registry *testregistry.Registry, times int32, after int64) testregistry.Fault {
	left := atomic.Int32{}
	left.Store(times)
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch || left.Add(-1) < 0 {
			return false
		}
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, after), broken{}))
		registry.Serve(&answer{header: http.Header{}}, r)
		return reset(w, r)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestALargeFileIsReadOnceAndWhatIsCutOffGoesOnWhereTheRegistryIs(t *testing.T) {
	registry := testregistry.Start(t)
	from := bigFile(t)
	for name, test := range map[string]struct {
		fault testregistry.Fault
		again int64 // bytes that may be sent twice
	}{
		"nothing happens": {nil, 0},
		"parts are cut":   {cutUploads(registry, 3, 20<<20), 3 * 8 << 20}, // what lay in buffers on the way
	} {
		t.Run(name, func(t *testing.T) {
			registry.SetFault(test.fault)
			defer registry.SetFault(nil)
			repo := repository(t, registry, strings.ReplaceAll(name, " ", "-"))
			src := &counting{Source: transfer.Directory(from.Path())}
			var counters transfer.Counters
			result, err := transfer.Push(t.Context(), repo, "v1", src, transfer.PushOptions{Retry: quick(), Counters: &counters})
			assert.NilError(t, err)
			assert.Assert(t, result.Uploaded < bigSize+1<<20, "%d bytes arrived of %d", result.Uploaded, bigSize)
			assert.Assert(t, counters.Wire.Load() <= bigSize+1<<20+test.again, "%d bytes were sent", counters.Wire.Load())
			assert.Assert(t, src.read.Load() <= bigSize+test.again, "%d bytes were read", src.read.Load())
			assert.Equal(t, counters.Bytes.Load(), int64(bigSize))
			into := t.TempDir()
			pull(t, repo, "v1", into)
			assertSameFile(t, filepath.Join(into, "big"), from.Join("big"))
		})
	}
}

func TestARegistryThatForgetsAnUploadIsSentItAnew(t *testing.T) {
	registry := testregistry.Start(t)
	from := bigFile(t)
	var forget atomic.Bool
	forget.Store(true)
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch && !strings.HasPrefix(r.Header.Get("Content-Range"), "0-") && forget.CompareAndSwap(true, false) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}`))
			return true
		}
		return false
	})
	repo := repository(t, registry, "forgetful")
	push(t, repo, "v1", from.Path())
	assert.Assert(t, !forget.Load(), "the registry has forgotten nothing")
	into := t.TempDir()
	pull(t, repo, "v1", into)
	assertSameFile(t, filepath.Join(into, "big"), from.Join("big"))
}

// forgetful answers the last request of so many uploads as one does that no longer knows them, and without a code.
func forgetful(times int32) (fault testregistry.Fault, seen *atomic.Int32) {
	seen = new(atomic.Int32)
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/uploads/") || seen.Add(1) > times {
			return false
		}
		return status(http.StatusNotFound)(w, r)
	}, seen
}

func TestASmallBlobWhoseUploadIsForgottenIsSentAnew(t *testing.T) {
	registry := testregistry.Start(t)
	fault, _ := forgetful(3)
	registry.SetFault(fault)
	repo, from := repository(t, registry, "forgetful"), twoLayers(t)
	_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from.Path()), transfer.PushOptions{Retry: quick()})
	assert.NilError(t, err)
	into := t.TempDir()
	pull(t, repo, "v1", into)
	assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
}

func TestARegistryThatForgetsEveryUploadIsGivenUp(t *testing.T) {
	registry := testregistry.Start(t)
	fault, seen := forgetful(1 << 30)
	registry.SetFault(fault)
	_, err := transfer.Push(t.Context(), repository(t, registry, "forgetful"), "v1", transfer.Directory(twoLayers(t).Path()),
		transfer.PushOptions{Retry: quick(), Concurrency: 1})
	assert.ErrorContains(t, err, "the registry has forgotten the upload")
	assert.Assert(t, seen.Load() < 100, "%d uploads were finished", seen.Load())
}

func TestAnUploadWhoseLastAnswerIsLostIsDone(t *testing.T) {
	registry := testregistry.Start(t)
	var once atomic.Bool
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/uploads/") && once.CompareAndSwap(false, true) {
			registry.Serve(&answer{header: http.Header{}}, r)
			return reset(w, r)
		}
		return false
	})
	var counters transfer.Counters
	_, err := transfer.Push(t.Context(), repository(t, registry, "lost"), "v1", transfer.Directory(bigFile(t).Path()),
		transfer.PushOptions{Retry: quick(), Counters: &counters, Concurrency: 1})
	assert.NilError(t, err)
	assert.Assert(t, once.Load(), "no answer was lost")
	assert.Assert(t, counters.Wire.Load() < bigSize+1<<20, "%d bytes were sent", counters.Wire.Load())
}

func TestALargeBlobIsFetchedBySeveralRequestsAndEachGoesOnWhereItBroke(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "segments")
	from := bigFile(t)
	push(t, repo, "v1", from.Path())
	var asked, cut atomic.Int32
	third := make(chan struct{})
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") == "" {
			return false
		}
		switch n := asked.Add(1); {
		case n == 2:
			<-third // the second is not answered before the third has come
		case n == 3:
			close(third)
		case n%3 == 1:
			cut.Add(1)
			registry.Serve(&limited{ResponseWriter: w, left: 1 << 20}, r)
			panic(http.ErrAbortHandler)
		}
		return false
	})
	var counters transfer.Counters
	into := t.TempDir()
	_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick(), Counters: &counters})
	assert.NilError(t, err)
	assertSameFile(t, filepath.Join(into, "big"), from.Join("big"))
	assert.Assert(t, counters.Wire.Load() < bigSize+1<<20, "%d bytes were fetched", counters.Wire.Load())
	assert.Assert(t, cut.Load() > 1, "%d requests were cut, of %d", cut.Load(), asked.Load())
}

// nowhere is a sink that keeps nothing, and so is as fast as memory, however slow the disk is.
type nowhere struct{}

type nothing struct{ io.Writer }

func (nothing) Close() error { return nil }

func (nowhere) Create(_ context.Context, entries []tree.Entry) ([]io.WriteCloser, error) {
	return slices.Repeat([]io.WriteCloser{nothing{io.Discard}}, len(entries)), nil
}

func (nowhere) Make(context.Context, []tree.Entry) error { return nil }
func (nowhere) Commit(context.Context) error             { return nil }
func (nowhere) Abort(context.Context) error              { return nil }

// slowly is a sink whose files take their time for each write, and fail after so many.
type slowly struct {
	transfer.Sink
	writes *atomic.Int32
}

func newSlowly(sink transfer.Sink, writes int32) slowly {
	s := slowly{sink, new(atomic.Int32)}
	s.writes.Store(writes)
	return s
}

type slowFile struct {
	io.WriteCloser
	writes *atomic.Int32
}

func (s slowly) Create(ctx context.Context, entries []tree.Entry) ([]io.WriteCloser, error) {
	files, err := s.Sink.Create(ctx, entries)
	for i := range files {
		files[i] = slowFile{files[i], s.writes}
	}
	return files, err
}

func (f slowFile) Write(b []byte) (int, error) {
	time.Sleep(10 * time.Millisecond)
	if f.writes.Add(-1) < 0 {
		return 0, syscall.EDQUOT
	}
	return f.WriteCloser.Write(b)
}

func TestAReaderThatIsSlowerThanTheRegistryAsksLessOften(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "asks")
	push(t, repo, "v1", bigFile(t).Path())
	asked := func(slow time.Duration, sink transfer.Sink) int32 {
		var n atomic.Int32
		registry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Range") != "" {
				n.Add(1)
				time.Sleep(slow)
			}
			return false
		})
		_, err := transfer.Pull(t.Context(), repo, "v1", sink, transfer.PullOptions{Concurrency: 2})
		assert.NilError(t, err)
		return n.Load()
	}
	const segments = (bigSize + 12<<20 - 1) / (12 << 20)
	assert.Equal(t, asked(1500*time.Millisecond, nowhere{}), int32(segments))
	assert.Assert(t, asked(0, newSlowly(nowhere{}, 1<<30)) < segments/2)
}

// The reader is slow at first, so that segments become long; then the registry is, and they are to become short again.
func TestARegistryThatBecomesSlowIsAskedForShortSegmentsAgain(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "slow")
	push(t, repo, "v1", bigFile(t).Path())
	const short = 12 << 20
	var mu sync.Mutex
	sizes := map[int64]int64{} // by offset
	registry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		var first, last int64
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); n < 2 {
			return false
		}
		mu.Lock()
		sizes[first] = last + 1 - first
		mu.Unlock()
		if last+1-first == 2*short { // the first that is longer
			time.Sleep(3 * time.Second)
		}
		return false
	})
	_, err := transfer.Pull(t.Context(), repo, "v1", newSlowly(nowhere{}, 1<<30), transfer.PullOptions{Concurrency: 2})
	assert.NilError(t, err)
	grew, shrank := false, false
	for _, at := range slices.Sorted(maps.Keys(sizes)) {
		grew = grew || sizes[at] > short
		shrank = shrank || grew && sizes[at] == short && at+short < bigSize
	}
	assert.Assert(t, grew && shrank, "sizes by offset: %v", sizes)
}

func TestARegistryThatIsOverloadedGetsItsSegmentsAskedForAgain(t *testing.T) {
	registry := testregistry.Start(t)
	repo, from, into := repository(t, registry, "busy"), bigFile(t), t.TempDir()
	push(t, repo, "v1", from.Path())
	var asked atomic.Int32
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") == "" || asked.Add(1)%2 == 0 {
			return false
		}
		w.Header().Set("Retry-After", "0")
		return status(http.StatusTooManyRequests)(w, r)
	})
	var counters transfer.Counters
	_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick(), Counters: &counters})
	assert.NilError(t, err)
	assertSameFile(t, filepath.Join(into, "big"), from.Join("big"))
	assert.Assert(t, counters.Retries.Load() > 3, "%d retries of %d requests", counters.Retries.Load(), asked.Load())
	assert.Assert(t, counters.Wire.Load() < bigSize+1<<20, "%d bytes were fetched", counters.Wire.Load())
}

func TestARegistryThatStopsGivingRangesGivesTheWholeBlob(t *testing.T) {
	registry := testregistry.Start(t)
	repo, from, into := repository(t, registry, "whole"), bigFile(t), t.TempDir()
	push(t, repo, "v1", from.Path())
	var asked, whole atomic.Int32
	registry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "" && asked.Add(1) > 2 {
			whole.Add(1)
			r.Header.Del("Range")
		}
		return false
	})
	_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick()})
	assert.NilError(t, err)
	assert.Assert(t, whole.Load() > 0, "all of %d ranges were given", asked.Load())
	assertSameFile(t, filepath.Join(into, "big"), from.Join("big"))
}

// By then a segment waits for room to go on.
func TestASinkThatFailsLateEndsAPullInSegments(t *testing.T) {
	repo, into := repository(t, testregistry.Start(t), "late"), t.TempDir()
	push(t, repo, "v1", bigFile(t).Path())
	sink, err := transfer.IntoDirectory(into, tree.WriterOptions{})
	assert.NilError(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := transfer.Pull(t.Context(), repo, "v1", newSlowly(sink, 300), transfer.PullOptions{Concurrency: 2})
		ended <- err
	}()
	select {
	case err := <-ended:
		assert.ErrorIs(t, err, syscall.EDQUOT)
	case <-time.After(time.Minute):
		t.Fatal("the pull does not end")
	}
	isEmpty(t, into)
}

// The registry cuts what it sends again and again, each time after longer than a client is willing to try in vain.
func TestASegmentThatGetsOnIsNotGivenUp(t *testing.T) {
	registry := testregistry.Start(t)
	repo, from := repository(t, registry, "on"), bigFile(t)
	push(t, repo, "v1", from.Path())
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") == "" {
			return false
		}
		time.Sleep(100 * time.Millisecond)
		limit := &limited{ResponseWriter: w, left: 5 << 20}
		registry.Serve(limit, r)
		if limit.left == 0 {
			panic(http.ErrAbortHandler)
		}
		return true
	})
	into := t.TempDir()
	_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{
		Retry: transfer.Retry{First: time.Millisecond, Longest: time.Millisecond, Limit: 50 * time.Millisecond},
	})
	assert.NilError(t, err)
	assertSameFile(t, filepath.Join(into, "big"), from.Join("big"))
}

func TestABlobThatIsNotWhatItsDigestSaysIsRefusedInSegmentsToo(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "corrupt")
	push(t, repo, "v1", bigFile(t).Path())
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if asked := r.Header.Get("Range"); asked == "" || strings.HasPrefix(asked, "bytes=0-") {
			return false
		}
		got := answer{header: http.Header{}}
		registry.Serve(&got, r)
		got.content[1000] ^= 1
		maps.Copy(w.Header(), got.header)
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(got.content)
		return true
	})
	into := t.TempDir()
	_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick()})
	assert.ErrorIs(t, err, transfer.ErrDigest)
	isEmpty(t, into)
}

// observed pulls v1 and takes note of what is there then.
func observed(t *testing.T, repo *remote.Repository) (into string, base *transfer.Base) {
	t.Helper()
	into = t.TempDir()
	base = pull(t, repo, "v1", into).Base
	listing, err := tree.List(into)
	assert.NilError(t, err)
	base.Observe(listing)
	time.Sleep(transfer.ClockTick)
	return into, base
}

func TestWhatWasPulledAndIsAsItWasIsNeitherReadNorSent(t *testing.T) {
	registry := testregistry.Start(t)
	first := repository(t, registry, "first")
	push(t, first, "v1", forest(t).Path())
	into, base := observed(t, first)

	assert.NilError(t, os.WriteFile(filepath.Join(into, "d/new"), []byte("new"), 0o644))
	assert.NilError(t, rewrite(filepath.Join(into, "many/f05"), 7))
	src := &counting{Source: transfer.Directory(into)}
	second := repository(t, registry, "second")
	result, err := transfer.Push(t.Context(), second, "v1", src, transfer.PushOptions{Retry: quick(), Bases: []*transfer.Base{base}})
	assert.NilError(t, err)
	assert.Assert(t, src.read.Load() < 17<<20, "%d bytes were read: more than the packs of what has changed", src.read.Load())
	assert.Assert(t, result.Uploaded < 17<<20, "%d bytes were sent", result.Uploaded)
	again := t.TempDir()
	pull(t, second, "v1", again)
	assert.DeepEqual(t, describe(t, again), describe(t, into))
	third := repository(t, registry, "third")
	push(t, third, "v1", into)
	assert.DeepEqual(t, manifestOf(t, second).Layers, manifestOf(t, third).Layers)
}

func TestAFileThatIsWrittenToWithItsTimeSetBackIsReadAgain(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "sly")
	push(t, repo, "v1", twoLayers(t).Path())
	into, base := observed(t, repo)
	for _, name := range []string{"large", "small"} {
		path := filepath.Join(into, name)
		info, err := os.Stat(path)
		assert.NilError(t, err)
		assert.NilError(t, rewrite(path, 1))
		assert.NilError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	}
	_, err := transfer.Push(t.Context(), repo, "v2", transfer.Directory(into), transfer.PushOptions{Bases: []*transfer.Base{base}})
	assert.NilError(t, err)
	again := t.TempDir()
	pull(t, repo, "v2", again)
	assert.DeepEqual(t, describe(t, again), describe(t, into))
}

func TestARegistryThatDoesNotMountIsSentEverything(t *testing.T) {
	registry := testregistry.Start(t)
	first := repository(t, registry, "first")
	push(t, first, "v1", twoLayers(t).Path())
	into, base := observed(t, first)
	for name, fault := range map[string]testregistry.Fault{
		"it begins an upload": func(_ http.ResponseWriter, r *http.Request) bool {
			r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "mount=", "no=")
			return false
		},
		"it refuses": func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Query().Get("mount") != "" && status(http.StatusForbidden)(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			registry.SetFault(fault)
			repo := repository(t, registry, "other"+strings.ReplaceAll(name[3:6], " ", ""))
			_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(into), transfer.PushOptions{Retry: quick(), Bases: []*transfer.Base{base}})
			assert.NilError(t, err)
			again := t.TempDir()
			pull(t, repo, "v1", again)
			assert.DeepEqual(t, describe(t, again), describe(t, into))
		})
	}
}

func TestPullingAgainIsOnlyACheck(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "again")
	push(t, repo, "v1", forest(t).Path())
	into := t.TempDir()
	pull(t, repo, "v1", into)
	want := describe(t, into)
	assert.NilError(t, os.Chmod(filepath.Join(into, "model"), 0o600))
	var counters transfer.Counters
	_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick(), Counters: &counters})
	assert.NilError(t, err)
	assert.DeepEqual(t, describe(t, into), want)
	assert.Assert(t, counters.Wire.Load() < 8<<10, "%d bytes were fetched: only what hard links are made to is", counters.Wire.Load())
	assert.Equal(t, counters.Bytes.Load(), counters.TotalBytes.Load())

	assert.NilError(t, rewrite(filepath.Join(into, "model"), 4<<20))
	assert.NilError(t, os.Remove(filepath.Join(into, "many/f07")))
	assert.NilError(t, os.Remove(filepath.Join(into, "tool")))
	assert.NilError(t, os.Symlink("model", filepath.Join(into, "tool")))
	pull(t, repo, "v1", into)
	assert.DeepEqual(t, describe(t, into), want)
}

func TestAPullGoesOnWithWhatAKilledOneHasLeft(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "resumed")
	from := bigFile(t)
	pushed := push(t, repo, "v1", from.Path())
	for name, test := range map[string]struct {
		spoil func(path string) error
		most  int64
	}{
		"what it had is right":   {func(string) error { return nil }, bigSize / 2},
		"what it had is garbage": {func(path string) error { return rewrite(path, 12345) }, 2 * bigSize},
		"what it had is longer":  {func(path string) error { return os.Truncate(path, bigSize+5) }, 2 * bigSize},
	} {
		t.Run(name, func(t *testing.T) {
			into := t.TempDir()
			opts := tree.WriterOptions{Resume: pushed.Descriptor.Digest.Encoded()}
			killed, err := transfer.IntoDirectory(into, opts)
			assert.NilError(t, err)
			staged := leave(t, killed, into, from.Join("big"), bigSize*3/4)
			assert.NilError(t, test.spoil(staged))
			sink, err := transfer.IntoDirectory(into, opts)
			assert.NilError(t, err)
			var counters transfer.Counters
			_, err = transfer.Pull(t.Context(), repo, "v1", sink, transfer.PullOptions{Retry: quick(), Counters: &counters})
			assert.NilError(t, err)
			assert.Assert(t, counters.Wire.Load() <= test.most, "%d bytes were fetched", counters.Wire.Load())
			assert.Equal(t, counters.Bytes.Load(), int64(bigSize))
			assertSameFile(t, filepath.Join(into, "big"), from.Join("big"))
			found, err := os.ReadDir(into)
			assert.NilError(t, err)
			assert.Equal(t, len(found), 1, "%v", found)
		})
	}
}

// leave writes the beginning of a file into a sink as one that is killed then, and returns where it lies.
func leave(t *testing.T, sink transfer.Sink, into, content string, n int64) string {
	t.Helper()
	files, err := sink.Create(t.Context(), []tree.Entry{{Path: "big", Type: tree.File, Mode: 0o644, Size: bigSize}})
	assert.NilError(t, err)
	f, err := os.Open(content)
	assert.NilError(t, err)
	_, err = io.CopyN(files[0], f, n)
	assert.NilError(t, err)
	assert.NilError(t, errors.Join(files[0].Close(), f.Close()))
	found, err := filepath.Glob(filepath.Join(into, ".oras-staging-*"))
	assert.NilError(t, err)
	assert.Equal(t, len(found), 1)
	dead := filepath.Join(t.TempDir(), "dead") // a copy that nobody locks
	assert.NilError(t, os.CopyFS(dead, os.DirFS(found[0])))
	assert.NilError(t, sink.Abort(t.Context()))
	assert.NilError(t, os.CopyFS(found[0], os.DirFS(dead)))
	assert.NilError(t, os.Chmod(found[0], 0o700))
	return filepath.Join(found[0], "big")
}

func TestAPackThatNobodyHasUnpackedIsNotTakenOver(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "kept")
	push(t, repo, "v1", forest(t).Path())
	into, _ := observed(t, repo)
	again := pull(t, repo, "v1", into).Base // only a check, so that what is in the packs was not seen
	listing, err := tree.List(into)
	assert.NilError(t, err)
	again.Observe(listing)
	time.Sleep(transfer.ClockTick)
	src := &counting{Source: transfer.Directory(into)}
	_, err = transfer.Push(t.Context(), repository(t, registry, "other"), "v1", src, transfer.PushOptions{Retry: quick(), Bases: []*transfer.Base{again}})
	assert.NilError(t, err)
	assert.Assert(t, src.read.Load() > 20<<20, "%d bytes were read: fewer than are in packs", src.read.Load())
	assert.Assert(t, src.read.Load() < 23<<20, "%d bytes were read: more than are in packs", src.read.Load())
}
