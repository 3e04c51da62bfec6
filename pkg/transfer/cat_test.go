package transfer_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestCatWritesOneFile(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "cat")
	from := wood(t)
	for link, text := range map[string]string{
		"latest": "small", "chain": "latest/deep", "out": "/etc/passwd", "up": "../x", "loop": "loop", "small/up": "../to-a",
	} {
		assert.NilError(t, os.Symlink(text, filepath.Join(from, link)))
	}
	push(t, repo, "v1", from)
	for name, test := range map[string]struct {
		path string
		want string
		err  error
	}{
		"a small one":                       {"small/b.csv", "bb", nil},
		"a large one":                       {"big/one", strings.Repeat("01234567", 5<<17), nil},
		"a hard link":                       {"z1", "a", nil},
		"a symlink":                         {"to-a", "a", nil},
		"a symlink in a directory":          {"small/up", "a", nil},
		"one that symlinks lead to":         {"chain/c.csv", "ccc", nil},
		"a directory":                       {"small", "", transfer.ErrNotFile},
		"a symlink to a directory":          {"latest", "", transfer.ErrNotFile},
		"a symlink that leads out":          {"out", "", transfer.ErrNotFile},
		"a relative symlink that leads out": {"up", "", transfer.ErrNotFile},
		"a symlink to itself":               {"loop", "", transfer.ErrNotFile},
		"none":                              {"small/none", "", fs.ErrNotExist},
		"none, below a file":                {"small/a.txt/x", "", fs.ErrNotExist},
		"an invalid path":                   {"../x", "", tree.ErrInvalidPath},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := transfer.Cat(t.Context(), repo, "v1", tree.Path(test.path), &out, transfer.CatOptions{Retry: quick()})
			assert.ErrorIs(t, err, test.err)
			assert.Assert(t, out.String() == test.want)
		})
	}
	t.Run("only its layer is fetched", func(t *testing.T) {
		registry.Requests()
		assert.NilError(t, transfer.Cat(t.Context(), repo, "v1", "big/two", &bytes.Buffer{}, transfer.CatOptions{Retry: quick()}))
		assert.Equal(t, fetched(registry), 2) // the index too
	})
	t.Run("an artifact that is not there", func(t *testing.T) {
		err := transfer.Cat(t.Context(), repo, "none", "a", &bytes.Buffer{}, transfer.CatOptions{Retry: quick()})
		assert.ErrorIs(t, err, transfer.ErrNotFound)
		assert.ErrorContains(t, err, "reading a of ")
	})
	t.Run("a stream that is closed", func(t *testing.T) {
		err := transfer.Cat(t.Context(), repo, "v1", "big/one", closed{}, transfer.CatOptions{Retry: quick()})
		assert.ErrorIs(t, err, fs.ErrClosed)
		assert.Assert(t, transfer.Final(err))
	})
	t.Run("a file that is corrupt", func(t *testing.T) { // E77
		registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") || index(t, registry, r.URL.Path) {
				return false
			}
			body := &answer{header: http.Header{}}
			r.Header.Del("Range")
			registry.Serve(body, r)
			body.content[len(body.content)/2] ^= 1
			_, _ = w.Write(body.content)
			return true
		})
		err := transfer.Cat(t.Context(), repo, "v1", "big/one", &bytes.Buffer{}, transfer.CatOptions{Retry: quick()})
		assert.ErrorIs(t, err, transfer.ErrDigest)
	})
}

// index tells whether a blob is small: here that is the tree index.
func index(t *testing.T, r *testregistry.Registry, path string) bool {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, path, nil)
	assert.NilError(t, err)
	body := &answer{header: http.Header{}}
	r.Serve(body, req)
	return len(body.content) < 1<<20
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, fs.ErrClosed }

func TestCatReadsWhatOthersMade(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "cat-foreign")
	pushLayers(t, repo,
		layer{mediaType: "text/plain", title: "plain", content: []byte("content")},
		layer{mediaType: tarGzip, content: archive(t, folder("d"), regular("d/f"), hardlink("l", "d/f"), symlink("s", "d/f"))},
		layer{mediaType: tarGzip, content: archive(t, regular("last"))},
	)
	for name, test := range map[string]struct {
		path, want string
		blobs      int
	}{
		"of the last layer":  {"last", "last", 1},
		"of an earlier one":  {"d/f", "d/f", 2},
		"that is hard link":  {"l", "d/f", 2},
		"that is a symlink":  {"s", "d/f", 2},
		"that is a layer":    {"plain", "content", 3},
		"that is not there":  {"none", "", 2},
		"that is not a file": {"d", "", 2},
	} {
		t.Run("a file "+name, func(t *testing.T) {
			var out bytes.Buffer
			registry.Requests()
			err := transfer.Cat(t.Context(), repo, "v1", tree.Path(test.path), &out, transfer.CatOptions{Retry: quick()})
			assert.Equal(t, err == nil, test.want != "", err)
			assert.Equal(t, out.String(), test.want)
			assert.Equal(t, fetched(registry), test.blobs)
		})
	}
}
