package transfer_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

func copied(t *testing.T, src *remote.Repository, ref string, dst *remote.Repository, tag string) transfer.Result {
	t.Helper()
	result, err := transfer.Copy(t.Context(), src, ref, dst, tag, transfer.CopyOptions{Retry: quick()})
	assert.NilError(t, err)
	return result
}

func TestACopyIsTheSameArtifact(t *testing.T) {
	for name, test := range map[string]struct {
		elsewhere bool // in another registry
		into      string
		before    bool // it is there already
		uploaded  bool
	}{
		"in another registry":    {elsewhere: true, into: "c", uploaded: true},
		"where it was already":   {elsewhere: true, into: "c", before: true},
		"in another repository":  {into: "c"},
		"in the same repository": {into: "a/b"},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := testregistry.Start(t), testregistry.Start(t)
			if !test.elsewhere {
				to = from
			}
			src, dst := repository(t, from, "a/b"), repository(t, to, test.into)
			tree := wood(t)
			pushed := push(t, src, "v1", tree)
			if test.before {
				copied(t, src, "v1", dst, "v1")
			}
			result := copied(t, src, "v1", dst, "v2")
			assert.Equal(t, result.Descriptor.Digest, pushed.Descriptor.Digest)
			assert.Equal(t, result.Uploaded > 0, test.uploaded)
			into := t.TempDir()
			pull(t, dst, "v2", into)
			assert.DeepEqual(t, describe(t, into), describe(t, tree))
		})
	}
}

func TestACopyCountsBlobsAndBytes(t *testing.T) {
	from, to := testregistry.Start(t), testregistry.Start(t)
	src, dst := repository(t, from, "a"), repository(t, to, "a")
	push(t, src, "v1", wood(t))
	var counters transfer.Counters
	var while atomic.Int64
	to.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || r.ContentLength < 5<<20 {
			return false
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			while.Store(counters.Bytes.Load()) // when all of a file is on its way
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		return false
	})
	result, err := transfer.Copy(t.Context(), src, "v1", dst, "v1", transfer.CopyOptions{Retry: quick(), Counters: &counters})
	assert.NilError(t, err)
	assert.Assert(t, while.Load() >= 5<<20)
	assert.Equal(t, result.Blobs, 4) // two files, a pack, the index
	assert.Assert(t, result.Bytes > 10<<20)
	assert.Equal(t, result.Uploaded, result.Bytes)
	assert.Equal(t, counters.Bytes.Load(), result.Bytes)
	assert.Equal(t, counters.TotalBytes.Load(), result.Bytes)
}

func TestACopyWithinARegistrySendsNoBlob(t *testing.T) {
	registry := testregistry.Start(t)
	src, dst := repository(t, registry, "a"), repository(t, registry, "b")
	push(t, src, "v1", wood(t))
	registry.Requests()
	copied(t, src, "v1", dst, "v1")
	for _, request := range registry.Requests() {
		upload := strings.HasPrefix(request, "PATCH ") || strings.HasPrefix(request, "PUT ") && strings.Contains(request, "/blobs/")
		assert.Assert(t, !upload, request)
	}
}

func TestACopySendsWhatTheRegistryDoesNotMount(t *testing.T) { // E85
	for name, refusal := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"it starts an upload instead": func(_ http.ResponseWriter, r *http.Request) bool { r.URL.RawQuery = ""; return false },
		"it forbids to mount":         status(http.StatusForbidden),
	} {
		t.Run(name, func(t *testing.T) {
			registry := testregistry.Start(t)
			src, dst := repository(t, registry, "a"), repository(t, registry, "b")
			tree := wood(t)
			push(t, src, "v1", tree)
			registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
				return r.URL.Query().Has("mount") && refusal(w, r)
			})
			result := copied(t, src, "v1", dst, "v1")
			assert.Assert(t, result.Uploaded > 10<<20)
			into := t.TempDir()
			pull(t, dst, "v1", into)
			assert.DeepEqual(t, describe(t, into), describe(t, tree))
		})
	}
}

func TestTheTagOfACopyMovesLast(t *testing.T) {
	from, to := testregistry.Start(t), testregistry.Start(t)
	src, dst := repository(t, from, "a"), repository(t, to, "a")
	push(t, src, "v1", wood(t))
	copied(t, src, "v1", dst, "v1")
	requests := to.Requests()
	assert.Equal(t, slices.Index(requests, "PUT /v2/a/manifests/v1"), len(requests)-1)
	assert.Assert(t, !slices.ContainsFunc(requests, func(r string) bool { return strings.HasPrefix(r, "PUT /v2/a/manifests/sha256:") }), requests)
}

func TestACopyGoesOnAfterFaultsOfEitherSide(t *testing.T) { // E77
	for name, faults := range map[string]func(from, to *testregistry.Registry){
		"the source is overloaded":          func(from, _ *testregistry.Registry) { from.SetFault(eachFirst(status(503))) },
		"the source breaks off":             func(from, _ *testregistry.Registry) { from.SetFault(breakOff(from)) },
		"the destination is overloaded":     func(_, to *testregistry.Registry) { to.SetFault(eachFirst(status(503))) },
		"the destination resets each first": func(_, to *testregistry.Registry) { to.SetFault(eachFirst(reset)) },
	} {
		t.Run(name, func(t *testing.T) {
			from, to := testregistry.Start(t), testregistry.Start(t)
			src, dst := repository(t, from, "a"), repository(t, to, "a")
			tree := wood(t)
			push(t, src, "v1", tree)
			faults(from, to)
			var counters transfer.Counters
			_, err := transfer.Copy(t.Context(), src, "v1", dst, "v1", transfer.CopyOptions{Retry: quick(), Counters: &counters})
			assert.NilError(t, err)
			assert.Assert(t, counters.Retries.Load() > 0)
			from.SetFault(nil)
			to.SetFault(nil)
			into := t.TempDir()
			pull(t, dst, "v1", into)
			assert.DeepEqual(t, describe(t, into), describe(t, tree))
		})
	}
}

func TestACopyHasSeveralBlobsInFlight(t *testing.T) {
	from, to := testregistry.Start(t), testregistry.Start(t)
	src, dst := repository(t, from, "a"), repository(t, to, "a")
	push(t, src, "v1", wood(t))
	var flying sync.WaitGroup
	flying.Add(3)
	var n atomic.Int32
	from.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/blobs/") && n.Add(1) <= 3 {
			flying.Done()
			flying.Wait() // each waits for the others
		}
		return false
	})
	copied(t, src, "v1", dst, "v1")
}

func TestACopyOfAnImageIndexHasAllItsManifests(t *testing.T) {
	from, to := testregistry.Start(t), testregistry.Start(t)
	src, dst := repository(t, from, "a"), repository(t, to, "a")
	index, one := platforms(t, src)
	result := copied(t, src, "multi", dst, "multi")
	assert.Equal(t, result.Descriptor.Digest, index.Digest)
	for _, arch := range []string{"amd64", "arm64"} {
		into := t.TempDir()
		_, err := pullInto(t.Context(), dst, "multi", into, transfer.PullOptions{
			Retry: quick(), Platform: &ocispec.Platform{OS: "linux", Architecture: arch},
		})
		assert.NilError(t, err)
		holds(t, path.Join(into, "file"), arch)
	}
	t.Run("blobs that were lost are sent again", func(t *testing.T) { // E82
		other := repository(t, to, "other")
		first := eachFirst(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/v2/other/manifests/multi" || r.Method != http.MethodPut {
				return false
			}
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}`))
			return true
		})
		to.SetFault(first)
		to.Requests()
		copied(t, src, "multi", other, "multi")
		puts := 0
		for _, request := range to.Requests() {
			if request == "PUT /v2/other/manifests/"+one.Digest.String() {
				puts++
			}
		}
		assert.Equal(t, puts, 2)
	})
}

// platforms makes an image index with a manifest for each of two platforms, tagged multi.
func platforms(t *testing.T, repo *remote.Repository) (index, one ocispec.Descriptor) {
	t.Helper()
	x := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
	x.SchemaVersion = 2
	store := memory.New()
	for _, arch := range []string{"amd64", "arm64"} {
		layer, err := oras.PushBytes(t.Context(), store, "text/plain", []byte(arch))
		assert.NilError(t, err)
		layer.Annotations = map[string]string{ocispec.AnnotationTitle: "file"}
		one, err = oras.PackManifest(t.Context(), store, oras.PackManifestVersion1_1, "application/x", oras.PackManifestOptions{Layers: []ocispec.Descriptor{layer}})
		assert.NilError(t, err)
		assert.NilError(t, oras.CopyGraph(t.Context(), store, repo, one, oras.CopyGraphOptions{}))
		entry := one
		entry.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		x.Manifests = append(x.Manifests, entry)
	}
	body, err := json.Marshal(x)
	assert.NilError(t, err)
	index, err = oras.TagBytes(t.Context(), repo, ocispec.MediaTypeImageIndex, body, "multi")
	assert.NilError(t, err)
	return index, one
}

func TestACopyThatIsRefused(t *testing.T) {
	from, to := testregistry.Start(t), testregistry.Start(t)
	src, dst := repository(t, from, "a"), repository(t, to, "a")
	push(t, src, "v1", wood(t))
	t.Run("as there is nothing", func(t *testing.T) {
		_, err := transfer.Copy(t.Context(), src, "none", dst, "v1", transfer.CopyOptions{Retry: quick()})
		assert.ErrorIs(t, err, transfer.ErrNotFound)
	})
	t.Run("as its tag is none", func(t *testing.T) {
		_, err := transfer.Copy(t.Context(), src, "v1", dst, "no:tag", transfer.CopyOptions{Retry: quick()})
		assert.ErrorIs(t, err, transfer.ErrInvalidReference)
	})
	t.Run("by the destination", func(t *testing.T) {
		to.SetFault(status(http.StatusForbidden))
		_, err := transfer.Copy(t.Context(), src, "v1", dst, "v1", transfer.CopyOptions{Retry: quick()})
		assert.Assert(t, transfer.Final(err), err)
		assert.ErrorContains(t, err, "copying "+from.Host+"/a:v1 to "+to.Host+"/a:v1: ")
		assert.ErrorContains(t, err, "403")
	})
}
