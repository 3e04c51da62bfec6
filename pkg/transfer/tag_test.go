package transfer_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

func TestE81TheTagMovesLast(t *testing.T) {
	from, refuse := twoLayers(t), status(403)
	for name, match := range map[string]string{"a blob": "PUT /v2/tagged/blobs/", "the manifest": "PUT /v2/tagged/manifests/"} {
		t.Run("it stays when "+name+" is refused", func(t *testing.T) {
			registry := testregistry.Start(t)
			repo := repository(t, registry, "tagged")
			old := push(t, repo, "v1", fs.NewDir(t, "old", fs.WithFile("f", "old")).Path())
			registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
				return strings.HasPrefix(r.Method+" "+r.URL.Path, match) && refuse(w, r)
			})
			_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from.Path()), transfer.PushOptions{Retry: quick()})
			assert.Assert(t, transfer.Final(err), err)
			desc, err := transfer.Resolve(t.Context(), repo, "v1", quick())
			assert.NilError(t, err)
			assert.Equal(t, desc.Digest, old.Descriptor.Digest)
		})
	}
	t.Run("it is the last request", func(t *testing.T) {
		registry := testregistry.Start(t)
		push(t, repository(t, registry, "tagged"), "v1", from.Path())
		requests := registry.Requests()
		assert.Equal(t, slices.Index(requests, "PUT /v2/tagged/manifests/v1"), len(requests)-1)
	})
}

func TestABlobThatWasCollectedIsSentAgain(t *testing.T) { // E82
	registry := testregistry.Start(t)
	repo := repository(t, registry, "collected")
	from := twoLayers(t)
	push(t, repo, "v1", from.Path())
	first := eachFirst(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}`)
		return true
	})
	registry.SetFault(first)
	push(t, repo, "v2", from.Path())
}

func TestE77ACorruptBlobLeavesNothing(t *testing.T) {
	for name, corrupt := range map[string]func([]byte) []byte{
		"one bit":   func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"too short": func(b []byte) []byte { return b[:len(b)-1] },
		"too long":  func(b []byte) []byte { return append(b, 0) },
	} {
		for _, file := range []string{"large", "small"} {
			t.Run(name+" of "+file, func(t *testing.T) {
				registry := testregistry.Start(t)
				repo := repository(t, registry, "corrupt")
				from := twoLayers(t)
				pushed := push(t, repo, "v1", from.Path())
				_, index, err := transfer.Files(t.Context(), repo, "v1", quick())
				assert.NilError(t, err)
				assert.Equal(t, len(index.Entries), 2)
				victim := victimOf(t, registry, index.Entries[0].Digest.String(), file == "large", pushed)
				registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, victim) {
						return false
					}
					body := &answer{header: http.Header{}}
					r.Header.Del("Range")
					registry.Serve(body, r)
					_, _ = w.Write(corrupt(body.content))
					return true
				})
				into := t.TempDir()
				_, err = pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{
					Retry: transfer.Retry{First: time.Millisecond, Longest: time.Millisecond, Limit: 100 * time.Millisecond},
				})
				assert.Assert(t, err != nil)
				if name == "one bit" {
					assert.ErrorIs(t, err, transfer.ErrDigest)
				}
				isEmpty(t, into)
			})
		}
	}
}

// victimOf returns the digest of the raw layer or of the pack of twoLayers.
func victimOf(t *testing.T, r *testregistry.Registry, raw string, wantRaw bool, pushed transfer.Result) string {
	t.Helper()
	if wantRaw {
		return raw
	}
	r.Requests()
	pull(t, repository(t, r, "corrupt"), pushed.Descriptor.Digest.String(), t.TempDir())
	requests := r.Requests()
	for _, request := range requests {
		if strings.Contains(request, "/blobs/") && !strings.Contains(request, raw) && request != requests[1] {
			return request[strings.LastIndex(request, "/")+1:]
		}
	}
	t.Fatalf("no pack in %v", requests)
	return ""
}

func TestAnInvalidTagIsRefusedBeforeAnythingIsSent(t *testing.T) {
	registry := testregistry.Start(t)
	_, err := transfer.Push(t.Context(), repository(t, registry, "a"), "no:tag", transfer.Directory(t.TempDir()), transfer.PushOptions{})
	assert.ErrorIs(t, err, transfer.ErrInvalidReference)
	assert.Equal(t, len(registry.Requests()), 0)
	_, err = transfer.Registry{Host: registry.Host}.Repository("No")
	assert.ErrorIs(t, err, transfer.ErrInvalidReference)
}
