package interop

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
)

// everyRule is a tree in which every rule of the layout applies that a stock client is not to notice.
func everyRule(t *testing.T) string {
	t.Helper()
	dir, large := temp(t), func(c string) string { return strings.Repeat(c, artifact.LargeFile) }
	write(t, dir, map[string]string{
		"raw": large("a"), "d/e/raw": large("b"), "tool": large("c"), "d/\xff": large("d"),
		"many/1": large("1")[1:], "many/2": large("2")[1:], "many/3": large("3")[1:],
		"deep/er/1": large("4")[1:], "deep/er/2": large("5")[1:], "deep/er/3": large("6")[1:], "deep/f": "x",
		"small": "x", "empty": "", "nothing/": "", "new\nline": "x", "closed/f": "x", "run": "#!",
	})
	for name, text := range map[string]string{"to-file": "small", "to-dir": "d", "through": "to-dir/e", "d/up": "../small", "dangling": "none"} {
		assert.NilError(t, os.Symlink(text, filepath.Join(dir, name)))
	}
	assert.NilError(t, os.Link(filepath.Join(dir, "deep/f"), filepath.Join(dir, "deep/g")))
	for name, mode := range map[string]os.FileMode{"tool": 0o755, "run": 0o755, "closed": 0o555} {
		assert.NilError(t, os.Chmod(filepath.Join(dir, name), mode))
	}
	return dir
}

func TestTheCLITakesTheLayersOfEveryRuleInAnyOrder(t *testing.T) {
	from, repo := everyRule(t), newRepository(t)
	result := push(t, repo, from)
	assert.Equal(t, len(result.Warnings), 0, "%v", result.Warnings)
	_, content, err := oras.FetchBytes(t.Context(), repo, "v1", oras.DefaultFetchBytesOptions)
	assert.NilError(t, err)
	var m ocispec.Manifest
	assert.NilError(t, json.Unmarshal(content, &m))
	assert.Assert(t, len(m.Layers) >= 9, "%d layers", len(m.Layers))
	r := rand.New(rand.NewPCG(1, 1))
	for i, concurrency := range []int{1, 3, 16, 1, 5, 16} {
		switch i {
		case 0: // as they are
		case 1:
			slices.Reverse(m.Layers)
		default:
			r.Shuffle(len(m.Layers), func(a, b int) { m.Layers[a], m.Layers[b] = m.Layers[b], m.Layers[a] })
		}
		tag := "order-" + string(rune('a'+i))
		retag(t, repo, m, tag)
		assertContents(t, repo, orasPull(t, repo, tag, concurrency), from)
	}
}

func retag(t *testing.T, repo *remote.Repository, m ocispec.Manifest, tag string) {
	t.Helper()
	content, err := json.Marshal(m)
	assert.NilError(t, err)
	desc := ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
	assert.NilError(t, repo.PushReference(t.Context(), desc, bytes.NewReader(content), tag))
}

func TestTheCLIPullsSmallThings(t *testing.T) {
	for name, grow := range map[string]func(dir string) string{
		"nothing":     func(dir string) string { return dir },
		"a directory": func(dir string) string { write(t, dir, map[string]string{"d/": ""}); return dir },
		"a file":      func(dir string) string { write(t, dir, map[string]string{"f": "x"}); return filepath.Join(dir, "f") },
		"an executable": func(dir string) string {
			write(t, dir, map[string]string{"f": "x"})
			assert.NilError(t, os.Chmod(filepath.Join(dir, "f"), 0o755))
			return filepath.Join(dir, "f")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, repo := temp(t), newRepository(t)
			push(t, repo, grow(dir))
			assertContents(t, repo, orasPull(t, repo, "v1", 3), dir)
		})
	}
}
