package transfer_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// rotation is a guard of a registry that takes one token at a time, and the file with it.
type rotation struct {
	file string

	mu    sync.Mutex
	token string
	users map[string]int // who came with the right token
	wrong int            // requests with another, or none
}

func newRotation(t *testing.T) *rotation {
	t.Helper()
	r := &rotation{file: filepath.Join(t.TempDir(), "token"), users: map[string]int{}}
	r.rotate(t, "first")
	return r
}

// rotate replaces the token, as the kubelet does.
func (r *rotation) rotate(t *testing.T, token string) {
	t.Helper()
	next := r.file + ".next"
	assert.Check(t, os.WriteFile(next, []byte(token+"\n"), 0o600))
	assert.Check(t, os.Rename(next, r.file))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.token = token
}

func (r *rotation) fault(w http.ResponseWriter, req *http.Request) bool {
	user, token, _ := req.BasicAuth()
	r.mu.Lock()
	defer r.mu.Unlock()
	if token == r.token {
		r.users[user]++
		return false
	}
	r.wrong++
	w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"the token has expired"}]}`)
	return true
}

func TestATokenIsSentUnaskedAndReadForEachRequest(t *testing.T) {
	registry, guard := testregistry.Start(t), newRotation(t)
	registry.SetFault(guard.fault)
	repo, err := transfer.Registry{Host: registry.Host, PlainHTTP: true, TokenFile: guard.file}.Repository("a")
	assert.NilError(t, err)
	for _, token := range []string{"first", "second", "third"} {
		guard.rotate(t, token)
		_, err = transfer.Resolve(t.Context(), repo, "v1", quick())
		assert.ErrorIs(t, err, transfer.ErrNotFound)
	}
	assert.DeepEqual(t, guard.users, map[string]int{"token": 3})
	assert.Equal(t, guard.wrong, 0)
}

// The token is replaced while a request that has the old one is on its way.
func TestE78ATokenThatIsReplacedMidUploadIsReadAgain(t *testing.T) {
	registry, guard := testregistry.Start(t), newRotation(t)
	var sent atomic.Int64
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut || r.Method == http.MethodPatch {
			if n := sent.Add(1); n == 1 || n == 4 { // the second and the fifth are the same requests once more
				guard.rotate(t, fmt.Sprintf("token-%d", n))
			}
		}
		return guard.fault(w, r)
	})
	repo, err := transfer.Registry{Host: registry.Host, PlainHTTP: true, TokenFile: guard.file}.Repository("a")
	assert.NilError(t, err)
	from, into := twoLayers(t), t.TempDir()
	_, err = transfer.Push(t.Context(), repo, "v1", transfer.Directory(from.Path()), transfer.PushOptions{Retry: quick(), Concurrency: 1})
	assert.NilError(t, err)
	pull(t, repo, "v1", into)
	assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
	assert.Equal(t, guard.wrong, 2)
}

func TestATokenThatCannotBeReadOrIsRefusedSaysWhy(t *testing.T) {
	registry, guard := testregistry.Start(t), newRotation(t)
	registry.SetFault(guard.fault)
	write := func(content string) string {
		path := filepath.Join(t.TempDir(), "token")
		assert.NilError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	for name, test := range map[string]struct{ file, want string }{
		"that is not there": {filepath.Join(t.TempDir(), "none"), "no such file"},
		"that is empty":     {write("\n"), "is empty"},
		"that is refused":   {write("kestrel-7"), "401 Unauthorized: unauthorized: the token has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			repo, err := transfer.Registry{Host: registry.Host, PlainHTTP: true, TokenFile: test.file}.Repository("a")
			assert.NilError(t, err)
			_, err = transfer.Resolve(t.Context(), repo, "v1", quick())
			assert.ErrorContains(t, err, test.want)
			assert.Assert(t, transfer.Final(err), err)
			assert.Assert(t, !strings.Contains(err.Error(), "kestrel-7"), err)
		})
	}
}

// A token is for one registry, and no storage that it redirects to gets it.
func TestATokenStaysWithItsRegistry(t *testing.T) {
	registry, storage, guard := testregistry.Start(t), testregistry.Start(t), newRotation(t)
	from, into := twoLayers(t), t.TempDir()
	push(t, repository(t, storage, "a"), "v1", from.Path())
	push(t, repository(t, registry, "a"), "v1", from.Path())
	var redirected atomic.Int64
	storage.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		redirected.Add(1)
		assert.Check(t, r.Header.Get("Authorization") == "")
		return false
	})
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if guard.fault(w, r) {
			return true
		}
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		http.Redirect(w, r, "http://"+storage.Host+r.URL.Path, http.StatusTemporaryRedirect)
		return true
	})
	repo, err := transfer.Registry{Host: registry.Host, PlainHTTP: true, TokenFile: guard.file}.Repository("a")
	assert.NilError(t, err)
	pull(t, repo, "v1", into)
	assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
	assert.Assert(t, redirected.Load() > 0)
}
