package transfer_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// growTree makes a tree: a path that ends in a slash is a directory, all else a file with that content. Parents are made.
func growTree(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		full := filepath.Join(root, path)
		assert.NilError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		if strings.HasSuffix(path, "/") {
			assert.NilError(t, os.MkdirAll(full, 0o755))
			continue
		}
		assert.NilError(t, os.WriteFile(full, []byte(content), 0o644))
	}
}

// linkAll makes symlinks, from names to texts.
func linkAll(t *testing.T, root string, links map[string]string) {
	t.Helper()
	for name, text := range links {
		full := filepath.Join(root, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		assert.NilError(t, os.Symlink(text, full))
	}
}

// survives pushes a tree, pulls it and sees that it is the same. It returns where it was pulled to.
func survives(t *testing.T, repo *remote.Repository, from string) (into string, pushed transfer.Result) {
	t.Helper()
	into = t.TempDir()
	pushed = push(t, repo, "v1", from)
	pull(t, repo, "v1", into)
	assert.DeepEqual(t, describe(t, into), describe(t, from))
	return into, pushed
}

// withoutPaths leaves out the lines of contents about some names.
func withoutPaths(lines []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			_, rest, _ := strings.Cut(line, " ")
			return rest == fmt.Sprintf("%q", name) || strings.HasPrefix(rest, fmt.Sprintf("%q ", name))
		})
	})
}

func TestE63ModesSurviveForANormalUserAndSpecialBitsAreDropped(t *testing.T) {
	if !inChild(t, asNobody) {
		return
	}
	registry := testregistry.Start(t)
	repo, from := repository(t, registry, "modes"), freeTemp(t)
	growTree(t, from, map[string]string{
		"secret": "x", "read-only": "x", "closed/f": "x", "closed/deeper/f": "x", "suid": "x", "sgid/f": "x", "sticky/f": "x",
		"large": strings.Repeat("l", 4<<20), "tool": strings.Repeat("t", 4<<20), "narrow/": "",
	})
	modes := []struct {
		path string
		mode os.FileMode
	}{
		{"secret", 0o600}, {"read-only", 0o400}, {"large", 0o440}, {"tool", 0o500}, {"suid", 0o755 | os.ModeSetuid},
		{"sgid", 0o775 | os.ModeSetgid}, {"sticky", 0o777 | os.ModeSticky}, {"closed/deeper", 0o555}, {"closed", 0o500}, {"narrow", 0o700},
	}
	for _, m := range modes {
		assert.NilError(t, os.Chmod(filepath.Join(from, m.path), m.mode))
	}
	push(t, repo, "v1", from)
	into := freeTemp(t)
	for range 2 { // the second time into what the first has left
		pull(t, repo, "v1", into)
		assert.DeepEqual(t, describe(t, into), describe(t, from))
	}
	for _, m := range modes {
		info, err := os.Lstat(filepath.Join(into, m.path))
		assert.NilError(t, err)
		assert.Equal(t, info.Mode()&^os.ModeDir, m.mode.Perm(), m.path)
	}
	_, index, err := transfer.Files(t.Context(), repo, "v1", quick())
	assert.NilError(t, err)
	recorded := map[tree.Path]uint32{}
	for _, e := range index.Entries {
		recorded[e.Path] = e.Mode
	}
	assert.Equal(t, recorded["suid"], uint32(0o4755))
	assert.Equal(t, recorded["sgid"], uint32(0o2775))
	assert.Equal(t, recorded["sticky"], uint32(0o1777))
	stock := stockPull(t, repo, 3)
	assert.DeepEqual(t, contents(t, stock), contents(t, from))
	for path, want := range map[string]os.FileMode{"secret": 0o600, "read-only": 0o400, "suid": 0o755, "tool": 0o500, "closed": 0o700} {
		info, err := os.Stat(filepath.Join(stock, path))
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm(), want, path)
	}
}

func TestE64SymlinksSurviveAndStockClientsGetThoseThatStayInside(t *testing.T) {
	registry := testregistry.Start(t)
	for name, test := range map[string]struct {
		files  map[string]string
		links  map[string]string
		unseen []string
	}{
		"of a Python virtual environment": {
			files: map[string]string{
				"bin/activate": "x", "lib/python3.13/site-packages/pip/__init__.py": "x", "include/": "", "pyvenv.cfg": "home = /usr/bin",
			},
			links:  map[string]string{"bin/python3": "/usr/bin/python3", "bin/python": "python3", "bin/python3.13": "python3", "lib64": "lib"},
			unseen: []string{"bin/python3"},
		},
		"of node_modules": {
			files: map[string]string{
				"packages/app/index.js": "x", "node_modules/typescript/bin/tsc": "#!",
				"node_modules/.pnpm/a@1.0.0/node_modules/a/index.js": "x", "node_modules/.pnpm/b@1.0.0/node_modules/b/index.js": "x",
			},
			links: map[string]string{
				"node_modules/.bin/tsc": "../typescript/bin/tsc", "node_modules/app": "../packages/app",
				"packages/app/node_modules": "../../node_modules", "node_modules/a": ".pnpm/a@1.0.0/node_modules/a",
				"node_modules/.pnpm/a@1.0.0/node_modules/b": "../../b@1.0.0/node_modules/b",
				"node_modules/.bin/a":                       "../a/index.js",
			},
		},
		"that dangle, escape or loop": {
			files: map[string]string{"d/f": "x"},
			links: map[string]string{
				"dangling": "nowhere", "d/dangling": "../no/where", "self": "self", "one": "two", "two": "one",
				"around": "about/x", "about": "around/x", "out": "../out", "d/out": "../../etc/passwd", "absolute": "/etc/passwd",
				"root": "/", "up": "..", "here": ".", "d/parent": "..", "odd": "a\xffb", "long": strings.Repeat("x/", 2000) + "x",
			},
			unseen: []string{"around", "about", "out", "d/out", "absolute", "root", "up"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			repo, from := repository(t, registry, "links"), t.TempDir()
			growTree(t, from, test.files)
			linkAll(t, from, test.links)
			_, pushed := survives(t, repo, from)
			assert.Equal(t, len(pushed.Warnings), len(test.unseen), "%v", pushed.Warnings)
			for _, path := range test.unseen {
				assert.Assert(t, slices.ContainsFunc(pushed.Warnings, func(w string) bool { return strings.HasPrefix(w, fmt.Sprintf("%q ", path)) }), path)
			}
			for _, concurrency := range []int{1, 16} {
				into := stockPull(t, repo, concurrency)
				assert.DeepEqual(t, contents(t, into), withoutPaths(contents(t, from), test.unseen...))
			}
		})
	}
}

func TestE65HardLinksSurviveWithinAPackAndAcrossPacks(t *testing.T) {
	repo, from := repository(t, testregistry.Start(t), "links"), t.TempDir()
	growTree(t, from, map[string]string{
		"a/small": "x", "b/": "", "z/full": strings.Repeat("z", 3<<20), "z/fuller": strings.Repeat("y", 3<<20), "z/last": strings.Repeat("x", 3<<20),
		"large": strings.Repeat("l", 4<<20), "tool": strings.Repeat("t", 4<<20),
	})
	assert.NilError(t, os.Chmod(filepath.Join(from, "tool"), 0o755))
	for name, old := range map[string]string{
		"a/same-pack": "a/small", "b/other-directory": "a/small", "z/other-pack": "a/small",
		"b/raw": "large", "raw-beside": "large", "b/tool": "tool", "z/zz": "z/full",
	} {
		assert.NilError(t, os.Link(filepath.Join(from, old), filepath.Join(from, name)))
	}
	into, pushed := survives(t, repo, from)
	assert.Equal(t, pushed.Files, 6)
	for name, want := range map[string]int{"a/small": 4, "b/other-directory": 4, "large": 3, "b/tool": 2, "z/zz": 2} {
		var st unix.Stat_t
		assert.NilError(t, unix.Stat(filepath.Join(into, name), &st))
		assert.Equal(t, int(st.Nlink), want, name)
	}
	unseen := 0
	stock := stockPull(t, repo, 3)
	for _, line := range contents(t, from) {
		path := strings.Split(line, `"`)[1]
		if !slices.ContainsFunc(pushed.Warnings, func(w string) bool { return strings.HasPrefix(w, fmt.Sprintf("%q ", path)) }) {
			if info, err := os.Stat(filepath.Join(stock, path)); assert.Check(t, err) && !info.IsDir() {
				assertSameFile(t, filepath.Join(stock, path), filepath.Join(from, path))
			}
			continue
		}
		unseen++
		_, err := os.Lstat(filepath.Join(stock, path))
		assert.ErrorIs(t, err, fs.ErrNotExist, path)
	}
	assert.Assert(t, unseen > 0 && unseen < 7, "%d of 7 hard links are in the index alone", unseen)
}

func assertSameFile(t *testing.T, got, want string) {
	t.Helper()
	read, err := os.ReadFile(got)
	assert.NilError(t, err)
	wanted, err := os.ReadFile(want)
	assert.NilError(t, err)
	assert.Assert(t, bytes.Equal(read, wanted), got)
}

// punch makes a file of holes with a few bytes at some offsets.
func punch(t *testing.T, path string, size int64, offsets ...int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	assert.NilError(t, err)
	assert.NilError(t, f.Truncate(size))
	for _, offset := range offsets {
		_, err = f.WriteAt([]byte("data"), offset)
		assert.NilError(t, err)
	}
	assert.NilError(t, f.Close())
}

// 10 GiB are listed and planned here; `make bench` sends them.
func TestE66ASparseFileIsTakenWhole(t *testing.T) {
	from := t.TempDir()
	punch(t, filepath.Join(from, "large"), 10<<30, 0, 5<<30, 10<<30-4)
	listing, err := tree.List(from)
	assert.NilError(t, err)
	layout, err := artifact.NewLayout(listing, artifact.Auto)
	assert.NilError(t, err)
	assert.Equal(t, len(layout.Layers), 1)
	assert.Equal(t, layout.Size(layout.Layers[0]), int64(10<<30))

	repo, small := repository(t, testregistry.Start(t), "sparse"), t.TempDir()
	for name, size := range map[string]int64{"raw": 24 << 20, "packed": 3 << 20, "tool": 24 << 20} {
		punch(t, filepath.Join(small, name), size, 0, size/2, size-4)
	}
	punch(t, filepath.Join(small, "nothing"), 5<<20)
	assert.NilError(t, os.Chmod(filepath.Join(small, "tool"), 0o755))
	survives(t, repo, small)
}

func TestE71FilesOfExactlyTheThresholdsSurvive(t *testing.T) {
	registry := testregistry.Start(t)
	for name, threshold := range map[string]int{
		"the block of a tar":                 512,
		"what a pull creates by itself":      256 << 10,
		"what a pull creates together":       1 << 20,
		"a layer of its own":                 artifact.LargeFile,
		"a pack":                             artifact.PackSize,
		"a pack without a header":            artifact.PackSize - 512,
		"the sample that compression checks": 64 << 10,
	} {
		t.Run(name, func(t *testing.T) {
			from := t.TempDir()
			for _, size := range []int{threshold - 1, threshold, threshold + 1} {
				for kind, mode := range map[string]os.FileMode{"file": 0o644, "tool": 0o755} {
					path := filepath.Join(from, fmt.Sprintf("%s-%d", kind, size))
					assert.NilError(t, os.WriteFile(path, []byte(strings.Repeat(kind[:1], size)), mode))
				}
			}
			survives(t, repository(t, registry, "threshold"), from)
		})
	}
}

func TestE72TimesSurviveToTheNanosecond(t *testing.T) {
	repo, from := repository(t, testregistry.Start(t), "times"), t.TempDir()
	for i, when := range []time.Time{
		time.Date(1901, 12, 14, 0, 0, 0, 1, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Unix(0, 0),
		time.Unix(0, 1),
		time.Unix(1<<31, 123_456_789),
		time.Date(2400, 2, 29, 0, 0, 0, 500, time.UTC),
	} {
		growTree(t, from, map[string]string{fmt.Sprintf("d%d/f", i): "x"})
		linkAll(t, from, map[string]string{fmt.Sprintf("d%d/l", i): "f"})
		stamp, err := unix.TimeToTimespec(when)
		assert.NilError(t, err)
		for _, name := range []string{"d%d/f", "d%d/l", "d%d"} {
			path := filepath.Join(from, fmt.Sprintf(name, i))
			assert.NilError(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{stamp, stamp}, unix.AT_SYMLINK_NOFOLLOW))
			info, err := os.Lstat(path)
			assert.NilError(t, err)
			assert.Assert(t, info.ModTime().Equal(when), "%s has %s and not %s", path, info.ModTime(), when)
		}
	}
	survives(t, repo, from)
	stock := stockPull(t, repo, 3)
	for i, want := range []int64{-2147472000, -1, 0, 0, 1 << 31} { // no farther: for stock clients time ends in 2262
		info, err := os.Stat(filepath.Join(stock, fmt.Sprintf("d%d/f", i)))
		assert.NilError(t, err)
		assert.Equal(t, info.ModTime().Unix(), want)
	}
}
