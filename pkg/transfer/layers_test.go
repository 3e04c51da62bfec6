package transfer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/content/memory"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// orders returns all orders of n things for n up to 4, else some random ones, the given one and its reverse first.
func orders(n int) [][]int {
	straight := make([]int, n)
	for i := range straight {
		straight[i] = i
	}
	reverse := slices.Clone(straight)
	slices.Reverse(reverse)
	const some = 4
	if n > 4 {
		all, r := [][]int{straight, reverse}, rand.New(rand.NewPCG(uint64(n), 1))
		for range some {
			all = append(all, r.Perm(n))
		}
		return all
	}
	all := [][]int{{}}
	for i := range n {
		var longer [][]int
		for _, order := range all {
			for at := range len(order) + 1 {
				longer = append(longer, slices.Insert(slices.Clone(order), at, i))
			}
		}
		all = longer
	}
	return all
}

// manifestIn returns the manifest of v1.
func manifestIn(t *testing.T, store oras.ReadOnlyTarget) ocispec.Manifest {
	t.Helper()
	_, content, err := oras.FetchBytes(t.Context(), store, "v1", oras.DefaultFetchBytesOptions)
	assert.NilError(t, err)
	var m ocispec.Manifest
	assert.NilError(t, json.Unmarshal(content, &m))
	return m
}

// reorder tags the artifact of v1 with its layers in another order.
func reorder(t *testing.T, store oras.Target, order []int) string {
	t.Helper()
	m := manifestIn(t, store)
	layers := slices.Clone(m.Layers)
	for i, from := range order {
		m.Layers[i] = layers[from]
	}
	content, err := json.Marshal(m)
	assert.NilError(t, err)
	tag := strings.ReplaceAll(strings.Trim(fmt.Sprint(order), "[]"), " ", "-")
	desc := artifact.NewBlob(ocispec.MediaTypeImageManifest, content).Descriptor
	if there, err := store.Exists(t.Context(), desc); err != nil || !there {
		assert.NilError(t, err)
		assert.NilError(t, store.Push(t.Context(), desc, bytes.NewReader(content)))
	}
	assert.NilError(t, store.Tag(t.Context(), desc, tag))
	return tag
}

// ruleTrees are trees for every rule of what goes into which layer, with the number of layers that they are.
func ruleTrees() map[string]struct {
	grow   func(t *testing.T) string
	layers int
} {
	raw := func(c string) string { return strings.Repeat(c, artifact.LargeFile) }
	type rule = struct {
		grow   func(t *testing.T) string
		layers int
	}
	grown := func(files, links map[string]string, tools ...string) func(t *testing.T) string {
		return func(t *testing.T) string {
			dir := t.TempDir()
			growTree(t, dir, files)
			linkAll(t, dir, links)
			for _, tool := range tools {
				assert.NilError(t, os.Chmod(filepath.Join(dir, tool), 0o755))
			}
			return dir
		}
	}
	return map[string]rule{
		"nothing": {func(t *testing.T) string { return t.TempDir() }, 1}, // the empty one
		"a single file": {func(t *testing.T) string {
			return filepath.Join(grown(map[string]string{"f": "x"}, nil)(t), "f")
		}, 1},
		"raw layers in a directory that a pack makes": {grown(map[string]string{"d/e/raw": raw("a"), "d/raw": raw("b"), "d/small": "x", "d/empty/": ""}, nil), 3},
		"executables and odd names are packs of their own": {
			grown(map[string]string{"d/tool": raw("a"), "d/\xff": raw("b"), "\xfe/odd": raw("c"), "d/small": "x"}, nil, "d/tool"), 4,
		},
		"packs of one directory by several spellings": {grown(map[string]string{
			"d/1": raw("a")[1:], "d/2": raw("b")[1:], "d/3": raw("c")[1:], "d/4": raw("d")[1:],
		}, nil), 4},
		"packs of the root by several spellings": {grown(map[string]string{
			"1": raw("a")[1:], "2": raw("b")[1:], "3": raw("c")[1:], "e/f/g": "x",
		}, nil), 3},
		"a subtree beside its siblings": {grown(map[string]string{
			"a/f": "x", "b/c/1": raw("1")[1:], "b/c/2": raw("2")[1:], "b/d/f": "y", "z": "z",
		}, nil), 4},
		"links in a pack of their own": {grown(map[string]string{"d/e/raw": raw("a"), "d/f": "x", "d/g/h": "y"}, map[string]string{
			"to-raw": "d/e/raw", "to-dir": "d", "d/e/up": "../../d/g", "d/g/through": "../../to-dir/f", "dangling": "d/e/none", "to-link": "to-raw",
		}), 3},
		"links in the only pack": {grown(map[string]string{"d/f": "x", "g": "y"}, map[string]string{"a": "d", "b": "a/f", "d/c": "../g"}), 1},
		"hard links within a pack": {func(t *testing.T) string {
			dir := grown(map[string]string{"a/f": "x", "b/": "", "raw": raw("r"), "tool": raw("t")}, nil, "tool")(t)
			for name, old := range map[string]string{"a/g": "a/f", "b/f": "a/f", "b/tool": "tool"} {
				assert.NilError(t, os.Link(filepath.Join(dir, old), filepath.Join(dir, name)))
			}
			return dir
		}, 3},
		"read-only directories": {func(t *testing.T) string {
			dir := freeTemp(t)
			growTree(t, dir, map[string]string{"d/e/f": "x", "d/raw": raw("r"), "g/f": "y", "g/tool": raw("t")})
			for name, mode := range map[string]os.FileMode{"g/tool": 0o755, "d/e": 0o555, "d": 0o555, "g": 0o500} {
				assert.NilError(t, os.Chmod(filepath.Join(dir, name), mode))
			}
			return dir
		}, 3},
		"everything at once":        {everything, 5},
		"more packs than five":      {manyPacks, 6},
		"more raw layers than five": {grown(manyRaw(raw), nil), 8},
		"an index in layers":        {longNames, 3},
	}
}

func manyRaw(raw func(string) string) map[string]string {
	files := map[string]string{"d/small": "x"}
	for i := range 7 {
		files[fmt.Sprintf("d%d/raw", i%3)+fmt.Sprint(i)] = raw(fmt.Sprint(i))
	}
	return files
}

// longNames is a tree whose index is larger than a config may be.
func longNames(t *testing.T) string {
	dir := t.TempDir()
	deep := filepath.Join(dir, strings.Repeat(strings.Repeat("d", 250)+"/", 12))
	assert.NilError(t, os.MkdirAll(deep, 0o755))
	for i := range 1050 {
		assert.NilError(t, os.WriteFile(filepath.Join(deep, fmt.Sprint(i)), []byte("x"), 0o600))
	}
	return dir
}

// Stock clients get the same whatever the order of the layers is and however many they take at once: no layer needs another
// one, and no path is in two.
func TestStockClientsTakeTheLayersOfEveryRuleInAnyOrder(t *testing.T) {
	if !inChild(t, withMounts) {
		return
	}
	onDisk(t, "2g")
	for name, test := range ruleTrees() {
		t.Run(name, func(t *testing.T) {
			repo, store := repository(t, testregistry.Start(t), "rules"), memory.New()
			from := test.grow(t)
			push(t, repo, "v1", from)
			_, err := oras.Copy(t.Context(), repo, "v1", store, "v1", oras.DefaultCopyOptions)
			assert.NilError(t, err)
			layers := len(manifestIn(t, store).Layers)
			assert.Equal(t, layers, test.layers)
			want := pulledByUs(t, repo)
			unseen := unseenBy(t, repo)
			all := orders(layers)
			if name == "an index in layers" {
				all = all[:2] // of so many files that each takes its time
			}
			for i, order := range all {
				tag, concurrencies := reorder(t, store, order), []int{1, 3, 16}
				if layers >= 4 || name == "an index in layers" { // many orders or files
					concurrencies = concurrencies[i%3:][:1]
				}
				for _, concurrency := range concurrencies {
					into := t.TempDir()
					unpackStock(t, store, tag, into, concurrency)
					assert.DeepEqual(t, contents(t, into), withoutPaths(contents(t, want), unseen...))
					assertSameBytes(t, want, into)
					assert.NilError(t, os.RemoveAll(into))
				}
			}
		})
	}
}

// unpackStock pulls from a store as the oras CLI does.
func unpackStock(t *testing.T, from oras.ReadOnlyTarget, ref, into string, concurrency int) {
	t.Helper()
	store, err := file.New(into)
	assert.NilError(t, err)
	opts := oras.DefaultCopyOptions
	opts.Concurrency = concurrency
	_, err = oras.Copy(context.WithoutCancel(t.Context()), from, ref, store, ref, opts)
	assert.NilError(t, err)
	assert.NilError(t, store.Close())
}
