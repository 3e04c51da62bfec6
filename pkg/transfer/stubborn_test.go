package transfer_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
	"oras.land/oras-go/v2"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// TestE85RegistriesThatAreStubbornAboutPartsGetAllTheSame plays what registries, or proxies before them, make of parts.
func TestE85RegistriesThatAreStubbornAboutPartsGetAllTheSame(t *testing.T) {
	from := bigFile(t)
	for name, fault := range map[string]func(registry *testregistry.Registry) testregistry.Fault{
		"a proxy takes 8 MiB at most": func(*testregistry.Registry) testregistry.Fault {
			return func(w http.ResponseWriter, r *http.Request) bool {
				return r.Method == http.MethodPatch && r.ContentLength > 8<<20 && status(http.StatusRequestEntityTooLarge)(w, r)
			}
		},
		"it keeps a half of each part": func(registry *testregistry.Registry) testregistry.Fault {
			return func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPatch && r.ContentLength > 4<<20 {
					half := r.ContentLength / 2
					r.Body = io.NopCloser(io.LimitReader(r.Body, half))
					r.ContentLength = half
					r.Header.Set("Content-Length", strconv.FormatInt(half, 10))
					r.Header.Del("Content-Range")
				}
				registry.Serve(w, r)
				return true
			}
		},
		"it never understands the range of a part": func(*testregistry.Registry) testregistry.Fault {
			return func(w http.ResponseWriter, r *http.Request) bool {
				return r.Method == http.MethodPatch && status(http.StatusRequestedRangeNotSatisfiable)(w, r)
			}
		},
		"it takes no parts": func(*testregistry.Registry) testregistry.Fault {
			return func(w http.ResponseWriter, r *http.Request) bool {
				return r.Method == http.MethodPatch && status(http.StatusMethodNotAllowed)(w, r)
			}
		},
		"it does not tell where it is": func(registry *testregistry.Registry) testregistry.Fault {
			cut := cutUploads(registry, 1, 20<<20)
			return func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/uploads/") {
					return status(http.StatusMethodNotAllowed)(w, r)
				}
				return cut(w, r)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			registry := testregistry.Start(t)
			registry.SetFault(fault(registry))
			repo := repository(t, registry, "stubborn")
			push(t, repo, "v1", from.Path())
			registry.SetFault(nil)
			into := t.TempDir()
			pull(t, repo, "v1", into)
			assertSameFile(t, filepath.Join(into, "big"), from.Join("big"))
		})
	}
}

func TestARegistryThatTakesNoPartsIsAskedForThemOnce(t *testing.T) {
	const size = 70 << 20 // of more than one part
	from := fs.NewDir(t, "from", fs.WithFile("a", ""), fs.WithFile("b", ""))
	for i, name := range []string{"a", "b"} {
		content := noise(rand.New(rand.NewPCG(7, uint64(i))), size)
		assert.NilError(t, os.WriteFile(from.Join(name), content, 0o644))
	}
	registry := testregistry.Start(t)
	var parts atomic.Int32
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch {
			return false
		}
		parts.Add(1)
		return status(http.StatusMethodNotAllowed)(w, r)
	})
	repo, into := repository(t, registry, "once"), t.TempDir()
	_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from.Path()), transfer.PushOptions{Retry: quick(), Concurrency: 1})
	assert.NilError(t, err)
	assert.Equal(t, parts.Load(), int32(1))
	pull(t, repo, "v1", into)
	assertSameFile(t, filepath.Join(into, "b"), from.Join("b"))
}

func TestARegistryThatAnswersWithoutABlobIsNotBelieved(t *testing.T) {
	registry := testregistry.Start(t)
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodPost && status(http.StatusCreated)(w, r)
	})
	_, err := transfer.Push(t.Context(), repository(t, registry, "liar"), "v1", transfer.Directory(twoLayers(t).Path()), transfer.PushOptions{Retry: quick()})
	assert.Assert(t, transfer.Final(err), "%v", err)
}

func TestE77ASmallBlobThatBreaksAndIsThenRefusedForAWhileGoesOn(t *testing.T) {
	registry := testregistry.Start(t)
	repo, from := repository(t, registry, "broken"), twoLayers(t)
	push(t, repo, "v1", from.Path())
	var busy atomic.Int32
	cut := eachFirst(breakOff(registry))
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "" && busy.Add(1) <= 2 {
			return status(http.StatusServiceUnavailable)(w, r)
		}
		return cut(w, r)
	})
	into := t.TempDir()
	pull(t, repo, "v1", into)
	assert.Assert(t, busy.Load() > 2, "no range was asked for")
	assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
}

func TestAPatchOfAnImageIndexIsRefused(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "indexed")
	push(t, repo, "v1", twoLayers(t).Path())
	one, err := repo.Resolve(t.Context(), "v1")
	assert.NilError(t, err)
	body, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{one},
	})
	assert.NilError(t, err)
	_, err = oras.TagBytes(t.Context(), repo, ocispec.MediaTypeImageIndex, body, "index")
	assert.NilError(t, err)
	_, err = transfer.Patch(t.Context(), repo, "index", transfer.PatchOptions{Remove: []string{"small"}, Retry: quick()})
	assert.ErrorIs(t, err, transfer.ErrNoIndex)
}

func TestAPatchVerifiesWhatItMakesAnew(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "spoiled")
	single := fs.NewFile(t, "out.txt", fs.WithContent("a small file that is the whole artifact"))
	push(t, repo, "v1", single.Path())
	blob := string(manifestOf(t, repo).Layers[0].Digest)
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, blob) {
			return false
		}
		got := answer{header: http.Header{}}
		registry.Serve(&got, r)
		got.content[0] ^= 1
		_, _ = w.Write(got.content)
		return true
	})
	next := fs.NewFile(t, "b", fs.WithContent("b"))
	_, err := transfer.Patch(t.Context(), repo, "v1", transfer.PatchOptions{Add: []transfer.Addition{{Local: next.Path(), Path: "b"}}, Retry: quick()})
	assert.ErrorIs(t, err, transfer.ErrDigest)
}
