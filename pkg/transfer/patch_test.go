package transfer_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	testfs "gotest.tools/v3/fs"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func patch(t *testing.T, repo *remote.Repository, opts transfer.PatchOptions) transfer.Result {
	t.Helper()
	opts.Retry = quick()
	result, err := transfer.Patch(t.Context(), repo, "v1", opts)
	assert.NilError(t, err)
	return result
}

// forest is a tree with large files, several packs, links and an executable.
func forest(t *testing.T) *testfs.Dir {
	r := rand.New(rand.NewPCG(7, 7))
	dir := testfs.NewDir(t, "from",
		testfs.WithFile("model", string(noise(r, 5<<20)), testfs.WithMode(0o644)),
		testfs.WithFile("tool", string(noise(r, 9<<20)), testfs.WithMode(0o755)),
		testfs.WithDir("d", testfs.WithFile("first", "abc"), testfs.WithFile("keep", "x")),
	)
	assert.NilError(t, os.Mkdir(dir.Join("many"), 0o755))
	for i := range 12 {
		assert.NilError(t, os.WriteFile(dir.Join("many", fmt.Sprintf("f%02d", i)), noise(r, 1<<20), 0o600))
	}
	assert.NilError(t, os.Link(dir.Join("d/first"), dir.Join("d/second")))
	assert.NilError(t, os.Link(dir.Join("d/first"), dir.Join("d/third")))
	assert.NilError(t, os.Symlink("../model", dir.Join("d/link")))
	return dir
}

func TestAPatchGivesWhatPushingTheChangedTreeWouldGive(t *testing.T) {
	for name, test := range map[string]struct {
		opts func(dir, local string) transfer.PatchOptions
		do   func(t *testing.T, dir string)
	}{
		"a file is replaced": {
			func(_, local string) transfer.PatchOptions {
				return transfer.PatchOptions{Add: []transfer.Addition{{Local: local + "/new", Path: "many/f03"}}}
			},
			func(t *testing.T, dir string) { copyFile(t, dir+"/../local/new", dir+"/many/f03") },
		},
		"a file of a name that others have too is replaced": {
			func(_, local string) transfer.PatchOptions {
				return transfer.PatchOptions{Add: []transfer.Addition{{Local: local + "/new", Path: "d/first"}}}
			},
			func(t *testing.T, dir string) {
				assert.NilError(t, os.Remove(dir+"/d/first"))
				copyFile(t, dir+"/../local/new", dir+"/d/first")
			},
		},
		"the first of several names is removed": {
			func(string, string) transfer.PatchOptions { return transfer.PatchOptions{Remove: []string{"d/first"}} },
			func(t *testing.T, dir string) { assert.NilError(t, os.Remove(dir+"/d/first")) },
		},
		"a directory is removed": {
			func(string, string) transfer.PatchOptions { return transfer.PatchOptions{Remove: []string{"many"}} },
			func(t *testing.T, dir string) { assert.NilError(t, os.RemoveAll(dir+"/many")) },
		},
		"a large file becomes small, a small one large, and a directory comes": {
			func(_, local string) transfer.PatchOptions {
				return transfer.PatchOptions{
					Remove: []string{"**/f1?"},
					Add: []transfer.Addition{
						{Local: local + "/new", Path: "model"}, {Local: local + "/big", Path: "d/keep"}, {Local: local + "/sub", Path: "sub"},
					},
				}
			},
			func(t *testing.T, dir string) {
				found, err := filepath.Glob(dir + "/many/f1?")
				assert.NilError(t, err)
				for _, path := range found {
					assert.NilError(t, os.Remove(path))
				}
				copyFile(t, dir+"/../local/new", dir+"/model")
				copyFile(t, dir+"/../local/big", dir+"/d/keep")
				assert.NilError(t, os.MkdirAll(dir+"/sub/deep", 0o755))
				copyFile(t, dir+"/../local/sub/deep/f", dir+"/sub/deep/f")
				for _, sub := range []string{"/sub/deep", "/sub"} {
					copyTime(t, dir+"/../local"+sub, dir+sub)
				}
			},
		},
		"nothing changes": {
			func(dir, _ string) transfer.PatchOptions {
				return transfer.PatchOptions{Add: []transfer.Addition{{Local: dir + "/d/keep", Path: "d/keep"}}}
			},
			func(*testing.T, string) {},
		},
	} {
		t.Run(name, func(t *testing.T) {
			registry, top := testregistry.Start(t), t.TempDir()
			local := top + "/local"
			makeLocal(t, local)
			dir := top + "/tree"
			assert.NilError(t, os.Rename(forest(t).Path(), dir))
			repo := repository(t, registry, "patched")
			push(t, repo, "v1", dir)
			pull(t, repo, "v1", top+"/before")

			patch(t, repo, test.opts(top+"/before", local))
			times := dirTimes(t, dir)
			test.do(t, dir)
			restoreTimes(t, times)

			other := repository(t, registry, "pushed")
			push(t, other, "v1", dir)
			pull(t, repo, "v1", top+"/after")
			pull(t, other, "v1", top+"/want")
			assert.DeepEqual(t, describe(t, top+"/after"), describe(t, top+"/want"))
			assert.DeepEqual(t, manifestOf(t, repo).Layers, manifestOf(t, other).Layers)
		})
	}
}

// manifestOf returns the manifest that v1 names.
func manifestOf(t *testing.T, repo *remote.Repository) ocispec.Manifest {
	t.Helper()
	_, body, err := oras.FetchBytes(t.Context(), repo, "v1", oras.DefaultFetchBytesOptions)
	assert.NilError(t, err)
	var m ocispec.Manifest
	assert.NilError(t, json.Unmarshal(body, &m))
	return m
}

func makeLocal(t *testing.T, local string) {
	t.Helper()
	assert.NilError(t, os.MkdirAll(local+"/sub/deep", 0o755))
	for name, size := range map[string]int{"new": 1 << 20, "big": 5 << 20, "sub/deep/f": 10} {
		assert.NilError(t, os.WriteFile(filepath.Join(local, name), noise(rand.New(rand.NewPCG(1, uint64(size))), size), 0o644))
	}
}

// copyFile copies content, mode and time.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(to, content, 0o600))
	info, err := os.Stat(from)
	assert.NilError(t, err)
	assert.NilError(t, os.Chmod(to, info.Mode()))
	copyTime(t, from, to)
}

func copyTime(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	assert.NilError(t, err)
	assert.NilError(t, os.Chtimes(to, info.ModTime(), info.ModTime()))
}

// dirTimes are the times of all directories: a patch does not change those of the ones that something changes in.
func dirTimes(t *testing.T, dir string) map[string]os.FileInfo {
	t.Helper()
	times := map[string]os.FileInfo{}
	assert.NilError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			times[path], err = d.Info()
		}
		return err
	}))
	return times
}

func restoreTimes(t *testing.T, times map[string]os.FileInfo) {
	t.Helper()
	for path, info := range times {
		if _, err := os.Stat(path); err == nil {
			assert.NilError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		}
	}
}

func TestAPatchMovesOnlyWhatChanges(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "small")
	r := rand.New(rand.NewPCG(3, 3))
	dir := testfs.NewDir(t, "from", testfs.WithFile("model", string(noise(r, 80<<20))), testfs.WithFile("config", string(noise(r, 1<<20))))
	push(t, repo, "v1", dir.Path())
	before := manifestOf(t, repo)
	next := testfs.NewFile(t, "config", testfs.WithContent(string(noise(r, 1<<20))))
	registry.Requests()
	var counters transfer.Counters
	result := patch(t, repo, transfer.PatchOptions{Add: []transfer.Addition{{Local: next.Path(), Path: "config"}}, Counters: &counters})
	assert.Assert(t, result.Uploaded < 1<<20+50<<10, result.Uploaded)
	assert.Assert(t, counters.Wire.Load() < 1<<20+100<<10, counters.Wire.Load())
	assert.Equal(t, result.Files, 2)
	for _, request := range registry.Requests() {
		for _, layer := range before.Layers {
			assert.Assert(t, !strings.HasSuffix(request, string(layer.Digest)), "%s asks for content that nothing is needed of", request)
		}
	}
	lineage := artifact.LineageOf(manifestOf(t, repo).Annotations)
	assert.Assert(t, strings.HasPrefix(lineage.PatchedFrom, "sha256:"), lineage.PatchedFrom)
}

func TestAPatchIsMadeAgainToWhatSomebodyElseHasMovedTheTagTo(t *testing.T) {
	for name, test := range map[string]struct {
		moves int
		err   error
	}{
		"once": {1, nil}, "always": {100, transfer.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			registry := testregistry.Start(t)
			repo := repository(t, registry, "contended")
			push(t, repo, "v1", testfs.NewDir(t, "from", testfs.WithFile("a", "1")).Path())
			other := testfs.NewDir(t, "other", testfs.WithFile("a", "1"))
			left := test.moves
			registry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/manifests/v1") && left > 0 {
					left--
					assert.Check(t, os.WriteFile(other.Join(fmt.Sprint("b", left)), []byte(fmt.Sprint(left)), 0o600))
					_, err := transfer.Push(t.Context(), repository(t, registry, "contended"), "v1", transfer.Directory(other.Path()), transfer.PushOptions{})
					assert.Check(t, err)
				}
				return false
			})
			next := testfs.NewFile(t, "c", testfs.WithContent("c"))
			_, err := transfer.Patch(t.Context(), repo, "v1", transfer.PatchOptions{Add: []transfer.Addition{{Local: next.Path(), Path: "c"}}, Retry: quick()})
			assert.ErrorIs(t, err, test.err)
			if test.err == nil {
				into := t.TempDir()
				pull(t, repo, "v1", into)
				assert.DeepEqual(t, contents(t, into), []string{`file "a"`, `file "b0"`, `file "c"`})
			}
		})
	}
}

func TestAPatchThatCannotBeMadeSaysWhy(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "refused")
	push(t, repo, "v1", testfs.NewDir(t, "from", testfs.WithFile("a", "1"), testfs.WithDir("d", testfs.WithFile("f", "x"))).Path())
	before, err := repo.Resolve(t.Context(), "v1")
	assert.NilError(t, err)
	local := testfs.NewFile(t, "local", testfs.WithContent("c")).Path()
	foreign := repository(t, registry, "foreign")
	stockPush(t, foreign, testfs.NewDir(t, "from", testfs.WithFile("a", "1")).Path(), "a")
	for name, test := range map[string]struct {
		repo *remote.Repository
		opts transfer.PatchOptions
		err  error
		says string
	}{
		"nothing matches":              {repo, transfer.PatchOptions{Remove: []string{"a", "nope*"}}, transfer.ErrNoMatch, `"nope*"`},
		"no pattern":                   {repo, transfer.PatchOptions{Remove: []string{"[", "a"}}, transfer.ErrInvalidGlob, `"["`},
		"a file for a directory":       {repo, transfer.PatchOptions{Add: []transfer.Addition{{Local: local, Path: "d"}}}, fs.ErrExist, "remove it first"},
		"below a file":                 {repo, transfer.PatchOptions{Add: []transfer.Addition{{Local: local, Path: "a/b"}}}, fs.ErrExist, `"a" is no directory`},
		"what is added is not there":   {repo, transfer.PatchOptions{Add: []transfer.Addition{{Local: local + "x", Path: "b"}}}, fs.ErrNotExist, "no such file"},
		"others made the artifact":     {foreign, transfer.PatchOptions{Remove: []string{"a"}}, transfer.ErrNoIndex, "pull it and push it"},
		"there is no artifact":         {repository(t, registry, "absent"), transfer.PatchOptions{Remove: []string{"a"}}, transfer.ErrNotFound, "absent:v1"},
		"the path is a path elsewhere": {repo, transfer.PatchOptions{Add: []transfer.Addition{{Local: local, Path: "../x"}}}, tree.ErrInvalidPath, `"../x"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := transfer.Patch(t.Context(), test.repo, "v1", test.opts)
			assert.ErrorIs(t, err, test.err)
			assert.ErrorContains(t, err, test.says)
		})
	}
	after, err := repo.Resolve(t.Context(), "v1")
	assert.NilError(t, err)
	assert.Equal(t, before.Digest, after.Digest)
}

func TestADryPatchSaysWhatItWouldSend(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "dry")
	push(t, repo, "v1", forest(t).Path())
	before, err := repo.Resolve(t.Context(), "v1")
	assert.NilError(t, err)
	local := testfs.NewFile(t, "local", testfs.WithContent(strings.Repeat("x", 5<<20))).Path()
	result := patch(t, repo, transfer.PatchOptions{DryRun: true, Add: []transfer.Addition{{Local: local, Path: "model"}}})
	assert.Equal(t, len(result.Planned), 1)
	assert.Equal(t, result.Planned[0].Title, "model")
	after, err := repo.Resolve(t.Context(), "v1")
	assert.NilError(t, err)
	assert.Equal(t, before.Digest, after.Digest)
}
