package transfer_test

import (
	"archive/tar"
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func globs(t *testing.T, patterns ...string) func(tree.Path) bool {
	t.Helper()
	selects, err := transfer.Globs(patterns...)
	assert.NilError(t, err)
	return selects
}

func TestGlobs(t *testing.T) {
	for name, test := range map[string]struct {
		patterns []string
		path     tree.Path
		want     bool
	}{
		"a name":                               {[]string{"a"}, "a", true},
		"a star matches in a component":        {[]string{"data/*.csv"}, "data/1.csv", true},
		"a star does not match a slash":        {[]string{"*.csv"}, "data/1.csv", false},
		"two stars match no component":         {[]string{"**/1.csv"}, "1.csv", true},
		"two stars match several components":   {[]string{"a/**/1.csv"}, "a/b/c/1.csv", true},
		"two stars at the end match all below": {[]string{"a/**"}, "a/b/c", true},
		"a directory selects what is in it":    {[]string{"da*"}, "data/x/1.csv", true},
		"a name does not select its neighbour": {[]string{"data"}, "database", false},
		"nor its parent":                       {[]string{"data/x"}, "data", false},
		"one of several":                       {[]string{"x", "y"}, "y", true},
		"a class":                              {[]string{"[a-c]?"}, "b1", true},
		"an escape":                            {[]string{`\*`}, "a", false},
		"braces":                               {[]string{"{a,b}/c"}, "b/c", true},
		"a slash at the end":                   {[]string{"data/"}, "data/x", true},
		"a dot at the start":                   {[]string{"./data"}, "data/x", true},
		"the root":                             {[]string{"."}, "data/x", true},
		"no pattern":                           {nil, "a", false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, globs(t, test.patterns...)(test.path), test.want)
		})
	}
	for name, pattern := range map[string]string{
		"empty": "", "absolute": "/a", "leading out": "a/../b", "malformed": "a/[",
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			_, err := transfer.Globs("fine", pattern)
			assert.ErrorIs(t, err, transfer.ErrInvalidGlob)
		})
	}
}

// wood is a tree of two raw layers and a pack, with links of both kinds.
func wood(t *testing.T) string {
	t.Helper()
	dir := fs.NewDir(t, "wood",
		fs.WithDir("big", fs.WithMode(0o750), fs.WithFile("one", strings.Repeat("01234567", 5<<17)), fs.WithFile("two", strings.Repeat("76543210", 5<<17))),
		fs.WithDir("small", fs.WithFile("a.txt", "a"), fs.WithFile("b.csv", "bb"), fs.WithDir("deep", fs.WithFile("c.csv", "ccc"))),
		fs.WithDir("hollow"))
	assert.NilError(t, os.Symlink("small/a.txt", dir.Join("to-a")))
	for link, file := range map[string]string{"z1": "small/a.txt", "z2": "small/a.txt", "zbig": "big/one"} {
		assert.NilError(t, os.Link(dir.Join(file), dir.Join(link)))
	}
	return dir.Path()
}

func TestAPullWritesWhatIsSelected(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "selected")
	push(t, repo, "v1", wood(t))
	for name, test := range map[string]struct {
		patterns []string
		want     map[string]string // path, and what it is
		blobs    int               // fetched, the index included
	}{
		"one large file, and its directory": {[]string{"big/one"}, map[string]string{"big": "dir", "big/one": "file"}, 2},
		"small files by a pattern": {[]string{"**/*.csv"}, map[string]string{
			"small": "dir", "small/b.csv": "file", "small/deep": "dir", "small/deep/c.csv": "file",
		}, 2},
		"a directory": {[]string{"small"}, map[string]string{
			"small": "dir", "small/a.txt": "file", "small/b.csv": "file", "small/deep": "dir", "small/deep/c.csv": "file",
		}, 2},
		"an empty directory":                       {[]string{"hollow"}, map[string]string{"hollow": "dir"}, 1},
		"a symlink":                                {[]string{"to-a"}, map[string]string{"to-a": "symlink"}, 1},
		"a hard link with its file":                {[]string{"z1", "small/a.txt"}, map[string]string{"small": "dir", "small/a.txt": "file", "z1": "hardlink small/a.txt"}, 2},
		"a hard link alone":                        {[]string{"zbig"}, map[string]string{"zbig": "file"}, 2},
		"two hard links without their common file": {[]string{"z?"}, map[string]string{"z1": "file", "z2": "hardlink z1"}, 2},
		"all": {[]string{"."}, map[string]string{
			"big": "dir", "big/one": "file", "big/two": "file", "hollow": "dir", "small": "dir", "small/a.txt": "file",
			"small/b.csv": "file", "small/deep": "dir", "small/deep/c.csv": "file", "to-a": "symlink",
			"z1": "hardlink small/a.txt", "z2": "hardlink small/a.txt", "zbig": "hardlink big/one",
		}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			into := t.TempDir()
			registry.Requests()
			result, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick(), Select: globs(t, test.patterns...)})
			assert.NilError(t, err)
			assert.Equal(t, fetched(registry), test.blobs)
			assert.Assert(t, result.Base == nil) // it would tell wrong things about what was there before
			got, files := kinds(t, into)
			assert.DeepEqual(t, got, test.want)
			assert.Equal(t, result.Files, files)
		})
	}
	t.Run("contents and modes are right", func(t *testing.T) {
		into := t.TempDir()
		_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick(), Select: globs(t, "big/two", "z2", "zbig")})
		assert.NilError(t, err)
		holds(t, filepath.Join(into, "z2"), "a")
		holds(t, filepath.Join(into, "zbig"), strings.Repeat("01234567", 5<<17))
		info, err := os.Stat(filepath.Join(into, "big"))
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm(), os.FileMode(0o750))
	})
	t.Run("nothing", func(t *testing.T) {
		into := t.TempDir()
		_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick(), Select: globs(t, "none*")})
		assert.ErrorIs(t, err, transfer.ErrNoMatch)
		isEmpty(t, into)
	})
	t.Run("the bound is on what is written", func(t *testing.T) {
		opts := transfer.PullOptions{Retry: quick(), Select: globs(t, "small"), MaxBytes: 10}
		_, err := pullInto(t.Context(), repo, "v1", t.TempDir(), opts)
		assert.NilError(t, err)
		opts.Select = globs(t, "big")
		_, err = pullInto(t.Context(), repo, "v1", t.TempDir(), opts)
		assert.ErrorIs(t, err, artifact.ErrTooLarge)
	})
}

func TestAPullSelectsFromWhatOthersMade(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "foreign")
	pushLayers(t, repo,
		layer{mediaType: "text/plain", title: "plain", content: []byte("plain")},
		layer{mediaType: tarGzip, content: archive(t, folder("d"), regular("d/f"), regular("hidden/f"), regular("e"),
			hardlink("l1", "d/f"), hardlink("l2", "l1"), symlink("s", "e"))},
		layer{mediaType: tarGzip, content: archive(t, regular("hidden"), entry{tar.TypeFifo, "fifo", ""})},
	)
	for name, test := range map[string]struct {
		patterns []string
		want     map[string]string
	}{
		"a plain file":                    {[]string{"plain"}, map[string]string{"plain": "file"}},
		"a file of an archive":            {[]string{"d/*"}, map[string]string{"d": "dir", "d/f": "file"}},
		"a symlink":                       {[]string{"s"}, map[string]string{"s": "symlink"}},
		"a hard link with its file":       {[]string{"l1", "d"}, map[string]string{"d": "dir", "d/f": "file", "l1": "hardlink d/f"}},
		"a hard link alone":               {[]string{"l1"}, map[string]string{"l1": "file"}},
		"hard links without their file":   {[]string{"l?"}, map[string]string{"l1": "file", "l2": "hardlink l1"}},
		"a link to a link, and the file":  {[]string{"l2", "d"}, map[string]string{"d": "dir", "d/f": "file", "l2": "hardlink d/f"}},
		"what a later layer hides is not": {[]string{"hidden/f", "e"}, map[string]string{"e": "file"}},
	} {
		t.Run(name, func(t *testing.T) {
			into := t.TempDir()
			result, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick(), Select: globs(t, test.patterns...)})
			assert.NilError(t, err)
			got, files := kinds(t, into)
			assert.DeepEqual(t, got, test.want)
			assert.Equal(t, result.Files, files)
			assert.Equal(t, len(result.Warnings), 0)
		})
	}
	t.Run("contents and modes are right", func(t *testing.T) {
		into := t.TempDir()
		_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick(), Select: globs(t, "l2", "d/x", "plain")})
		assert.NilError(t, err)
		holds(t, filepath.Join(into, "l2"), "d/f")
		holds(t, filepath.Join(into, "plain"), "plain")
	})
	t.Run("the directory that leads there has its mode", func(t *testing.T) {
		var packed bytes.Buffer
		w := tar.NewWriter(&packed)
		for _, h := range []tar.Header{{Typeflag: tar.TypeDir, Name: "d", Mode: 0o710}, {Typeflag: tar.TypeReg, Name: "d/f", Mode: 0o600}} {
			assert.NilError(t, w.WriteHeader(&h))
		}
		assert.NilError(t, w.Close())
		private := repository(t, registry, "private")
		pushLayers(t, private, layer{mediaType: ocispec.MediaTypeImageLayer, content: packed.Bytes()})
		into := t.TempDir()
		_, err := pullInto(t.Context(), private, "v1", into, transfer.PullOptions{Retry: quick(), Select: globs(t, "d/f")})
		assert.NilError(t, err)
		info, err := os.Stat(filepath.Join(into, "d"))
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm(), os.FileMode(0o710))
	})
	t.Run("nothing", func(t *testing.T) {
		into := t.TempDir()
		_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick(), Select: globs(t, "hidden/f")})
		assert.ErrorIs(t, err, transfer.ErrNoMatch)
		isEmpty(t, into)
	})
}

// fetched counts the different blobs that were asked for.
func fetched(r *testregistry.Registry) int {
	blobs := map[string]bool{}
	for _, request := range r.Requests() {
		if strings.HasPrefix(request, "GET ") && strings.Contains(request, "/blobs/") {
			blobs[request] = true
		}
	}
	return len(blobs)
}

// kinds says what each path of a tree is, and counts the files.
func kinds(t *testing.T, dir string) (map[string]string, int) {
	t.Helper()
	listing, err := tree.List(dir)
	assert.NilError(t, err)
	found, files := map[string]string{}, 0
	for _, e := range listing.Entries {
		found[string(e.Path)] = string(e.Type)
		switch e.Type {
		case tree.Hardlink:
			found[string(e.Path)] += " " + string(e.Link)
		case tree.File:
			files++
		}
	}
	return found, files
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	content, err := os.ReadFile(path)
	assert.NilError(t, err)
	assert.Assert(t, string(content) == want, "%s holds %.40q", path, content)
}

func TestADryRunMovesNothing(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "dry")
	from := wood(t)
	t.Run("a push", func(t *testing.T) {
		result, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from), transfer.PushOptions{DryRun: true})
		assert.NilError(t, err)
		assert.Equal(t, len(registry.Requests()), 0)
		assert.Equal(t, result.Files, 5)
		assert.DeepEqual(t, plan(result), map[string]transfer.PlannedLayer{
			"big/one": {Title: "big/one", Kind: transfer.Raw, Files: 1, Bytes: 5 << 20},
			"big/two": {Title: "big/two", Kind: transfer.Raw, Files: 1, Bytes: 5 << 20},
			".":       {Title: ".", Kind: transfer.Pack, Files: 3, Bytes: 6},
		})
	})
	pushed := push(t, repo, "v1", from)
	registry.Requests()
	t.Run("a pull", func(t *testing.T) {
		result, err := transfer.Pull(t.Context(), repo, "v1", nil, transfer.PullOptions{DryRun: true, Select: globs(t, "big/one", "**/*.csv")})
		assert.NilError(t, err)
		assert.Equal(t, fetched(registry), 1)
		assert.Equal(t, result.Files, 3)
		assert.Equal(t, result.Bytes, int64(5<<20+5))
		assert.Equal(t, result.Descriptor.Digest, pushed.Descriptor.Digest)
		got := plan(result)
		assert.Assert(t, got["."].Size > 0)
		assert.DeepEqual(t, got, map[string]transfer.PlannedLayer{
			"big/one": {Title: "big/one", Kind: transfer.Raw, Files: 1, Bytes: 5 << 20, Size: 5 << 20},
			".":       {Title: ".", Kind: transfer.Pack, Files: 2, Bytes: 5, Size: got["."].Size},
		})
	})
	t.Run("a pull of what others made", func(t *testing.T) {
		archived := archive(t, regular("d/f"))
		pushLayers(t, repo, layer{mediaType: "text/plain", title: "plain", content: []byte("plain")},
			layer{mediaType: "text/plain", title: "other", content: []byte("other")}, layer{mediaType: tarGzip, title: "d", content: archived, unpack: true})
		registry.Requests()
		result, err := transfer.Pull(t.Context(), repo, "v1", nil, transfer.PullOptions{DryRun: true, Select: globs(t, "pl*")})
		assert.NilError(t, err)
		assert.Equal(t, fetched(registry), 0)
		assert.DeepEqual(t, plan(result), map[string]transfer.PlannedLayer{
			"plain": {Title: "plain", Kind: transfer.Raw, Files: 1, Bytes: 5, Size: 5},
			"d":     {Title: "d", Kind: transfer.Pack, Size: int64(len(archived))},
		})
	})
	t.Run("a pull that fails", func(t *testing.T) {
		_, err := transfer.Pull(t.Context(), repo, "none", nil, transfer.PullOptions{DryRun: true})
		assert.ErrorIs(t, err, transfer.ErrNotFound)
	})
}

func plan(r transfer.Result) map[string]transfer.PlannedLayer {
	byTitle := map[string]transfer.PlannedLayer{}
	for _, layer := range r.Planned {
		byTitle[layer.Title] = layer
	}
	if len(byTitle) != len(r.Planned) {
		return map[string]transfer.PlannedLayer{"titles that are not unique": {Files: len(slices.Collect(maps.Keys(byTitle)))}}
	}
	return byTitle
}

func TestWhatIsThereAlreadyIsNotFetchedForASelection(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "kept")
	push(t, repo, "v1", wood(t))
	into := t.TempDir()
	opts := transfer.PullOptions{Retry: quick(), Select: globs(t, "small/*.csv")}
	for _, blobs := range []int{2, 1} { // the second time only the index
		registry.Requests()
		_, err := pullInto(t.Context(), repo, "v1", into, opts)
		assert.NilError(t, err)
		assert.Equal(t, fetched(registry), blobs)
	}
	assert.NilError(t, os.WriteFile(filepath.Join(into, "small", "a.txt"), []byte("b"), 0o600)) // which is not selected
	_, err := pullInto(t.Context(), repo, "v1", into, opts)
	assert.NilError(t, err)
	info, err := os.Stat(filepath.Join(into, "small", "a.txt"))
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
	holds(t, filepath.Join(into, "small", "a.txt"), "b")
}
