package transfer_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// stockPull pulls v1 as the oras CLI does.
func stockPull(t *testing.T, repo *remote.Repository, concurrency int) string {
	t.Helper()
	into := t.TempDir()
	unpackStock(t, repo, "v1", into, concurrency)
	return into
}

// contents describes what every client can restore: names and link texts.
func contents(t *testing.T, path string) []string {
	t.Helper()
	listing, err := tree.List(path)
	assert.NilError(t, err)
	var lines []string
	for _, e := range listing.Entries {
		switch e.Type {
		case tree.File, tree.Hardlink: // a stock client makes a file of either
			lines = append(lines, fmt.Sprintf("file %q", string(e.Path)))
		default:
			lines = append(lines, fmt.Sprintf("%s %q %q", e.Type, string(e.Path), string(e.Link)))
		}
	}
	return lines
}

func TestStockClientsPullWhatWePush(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "stock")
	for name, grow := range map[string]func(t *testing.T) string{
		"a tree with everything that stock clients know": everything,
		"a file":        func(t *testing.T) string { return fs.NewDir(t, "d", fs.WithFile("f", "abc")).Path() },
		"a single file": func(t *testing.T) string { return fs.NewDir(t, "d", fs.WithFile("f", "abc")).Join("f") },
		"a single executable": func(t *testing.T) string {
			return fs.NewDir(t, "d", fs.WithFile("f", "a", fs.WithMode(0o755))).Join("f")
		},
		"an empty directory":     func(t *testing.T) string { return t.TempDir() },
		"many packs of one path": manyPacks,
	} {
		t.Run(name, func(t *testing.T) {
			from := grow(t)
			result := push(t, repo, "v1", from)
			assert.Equal(t, len(result.Warnings), 0, "%v", result.Warnings)
			want := pulledByUs(t, repo)
			for _, concurrency := range []int{1, 3, 16} {
				into := stockPull(t, repo, concurrency)
				assert.DeepEqual(t, contents(t, into), contents(t, want))
				assertSameBytes(t, into, want)
			}
		})
	}
}

func pulledByUs(t *testing.T, repo *remote.Repository) string {
	t.Helper()
	into := t.TempDir()
	pull(t, repo, "v1", into)
	return into
}

func assertSameBytes(t *testing.T, got, want string) {
	t.Helper()
	assert.NilError(t, filepath.WalkDir(want, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, _ := filepath.Rel(want, path)
		wanted, err := os.ReadFile(path)
		assert.NilError(t, err)
		read, err := os.ReadFile(filepath.Join(got, rel))
		assert.NilError(t, err)
		assert.Assert(t, bytes.Equal(read, wanted), rel)
		return nil
	}))
}

// everything is a tree with all that a stock client restores.
func everything(t *testing.T) string {
	dir := fs.NewDir(t, "from",
		fs.WithFile("run.sh", "#!", fs.WithMode(0o755)),
		fs.WithFile("empty", ""),
		fs.WithFile("large", strings.Repeat("01234567", 1<<19)),
		fs.WithFile("tool", strings.Repeat("01234567", 2<<19), fs.WithMode(0o755)),
		fs.WithDir("d", fs.WithFile("f", "abc"), fs.WithDir("empty"), fs.WithFile("large", strings.Repeat("7654321", 1<<20))),
		fs.WithDir("read-only", fs.WithFile("f", "abc"), fs.WithDir("deep", fs.WithFile("f", "abc"))),
		fs.WithFile("with space\nand newline", "x"),
		fs.WithFile("\xff\xfe", "x"),
	)
	for name, text := range map[string]string{
		"to-file": "d/f", "to-dir": "d", "d/up": "../read-only", "dangling": "nowhere", "a-through": "to-dir/f", "z-through": "to-dir/empty",
	} {
		assert.NilError(t, os.Symlink(text, dir.Join(name)))
	}
	assert.NilError(t, os.Link(dir.Join("d/f"), dir.Join("d/hard")))
	for _, name := range []string{"read-only/deep", "read-only"} {
		assert.NilError(t, os.Chmod(dir.Join(name), 0o555))
	}
	return dir.Path()
}

// manyPacks is a tree whose packs share the path of a directory.
func manyPacks(t *testing.T) string {
	dir, r := fs.NewDir(t, "from", fs.WithDir("d")), rand.New(rand.NewPCG(1, 1))
	for i := range 11 {
		assert.NilError(t, os.WriteFile(dir.Join("d", fmt.Sprint(i)), noise(r, 3<<20), 0o600))
	}
	return dir.Path()
}

// TestWhatStockClientsLose pins what pkg/artifact/README.md says about them.
func TestWhatStockClientsLose(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "lossy")
	dir := fs.NewDir(t, "from", fs.WithDir("ro", fs.WithMode(0o755), fs.WithFile("f", "abc", fs.WithMode(0o640))),
		fs.WithFile("large", strings.Repeat("01234567", 1<<19)))
	assert.NilError(t, os.Symlink("/abs", dir.Join("abs")))
	assert.NilError(t, os.Link(dir.Join("large"), dir.Join("large2")))
	when := time.Unix(1e9, 5e8)
	assert.NilError(t, os.Chtimes(dir.Join("ro/f"), when, when))
	assert.NilError(t, os.Chmod(dir.Join("ro"), 0o555))
	result := push(t, repo, "v1", dir.Path())
	assert.Equal(t, len(result.Warnings), 2)
	into := stockPull(t, repo, 3)
	assert.DeepEqual(t, contents(t, into), []string{`file "large"`, `dir "ro" ""`, `file "ro/f"`})
	info, err := os.Stat(filepath.Join(into, "ro/f"))
	assert.NilError(t, err)
	assert.Assert(t, info.ModTime().Equal(when.Truncate(time.Second)), "times lose their fraction")
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o640))
	info, err = os.Stat(filepath.Join(into, "ro"))
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o755), "directories stay writable")
}

// stockPush pushes as the oras CLI does.
func stockPush(t *testing.T, repo *remote.Repository, dir string, names ...string) {
	t.Helper()
	store, err := file.New(dir)
	assert.NilError(t, err)
	defer func() { assert.Check(t, store.Close()) }()
	var layers []ocispec.Descriptor
	for _, name := range names {
		desc, err := store.Add(t.Context(), name, "", "")
		assert.NilError(t, err)
		layers = append(layers, desc)
	}
	pack(t, repo, store, layers)
}

// pack makes a manifest of layers in a store and copies it to the tag v1.
func pack(t *testing.T, repo *remote.Repository, store oras.Target, layers []ocispec.Descriptor) {
	t.Helper()
	manifest, err := oras.PackManifest(t.Context(), store, oras.PackManifestVersion1_1, "application/vnd.test", oras.PackManifestOptions{Layers: layers})
	assert.NilError(t, err)
	assert.NilError(t, store.Tag(t.Context(), manifest, "v1"))
	_, err = oras.Copy(t.Context(), store, "v1", repo, "v1", oras.DefaultCopyOptions)
	assert.NilError(t, err)
}

func TestWePullWhatStockClientsPush(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "foreign")
	from := fs.NewDir(t, "from",
		fs.WithFile("plain.txt", "abc", fs.WithMode(0o644)),
		fs.WithFile("archive.tgz", "not really"),
		fs.WithDir("dir", fs.WithFile("run", "#!", fs.WithMode(0o755)), fs.WithDir("empty"), fs.WithFile("big", strings.Repeat("x", 1<<20))),
		fs.WithDir("deep", fs.WithDir("er", fs.WithFile("f", "abc"))),
	)
	assert.NilError(t, os.Symlink("run", from.Join("dir/link")))
	stockPush(t, repo, from.Path(), "plain.txt", "archive.tgz", "dir", "deep/er")
	into := t.TempDir()
	result := pull(t, repo, "v1", into)
	assert.DeepEqual(t, contents(t, into), contents(t, from.Path()))
	assertSameBytes(t, into, from.Path())
	assert.Equal(t, result.Files, 5)
	info, err := os.Stat(filepath.Join(into, "dir/run"))
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o755))
}

func TestWePullADirectoryThatIsTitledDot(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "foreign")
	from := fs.NewDir(t, "from", fs.WithFile("f", "abc"), fs.WithDir("d", fs.WithFile("g", "x")))
	stockPush(t, repo, from.Path(), ".")
	into := t.TempDir()
	pull(t, repo, "v1", into)
	assert.DeepEqual(t, contents(t, into), contents(t, from.Path()))
}

func TestArchivesMayStayArchives(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "foreign")
	from := fs.NewDir(t, "from", fs.WithDir("dir", fs.WithFile("f", "abc")))
	stockPush(t, repo, from.Path(), "dir")
	into := t.TempDir()
	_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{KeepArchives: true})
	assert.NilError(t, err)
	assert.DeepEqual(t, contents(t, into), []string{`file "dir"`})
}

func TestFilesOfForeignArtifactsAreTheirTitles(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "foreign")
	from := fs.NewDir(t, "from", fs.WithFile("f", "abc"), fs.WithDir("dir", fs.WithFile("f", "abc")))
	stockPush(t, repo, from.Path(), "f", "dir")
	_, index, err := transfer.Files(t.Context(), repo, "v1", quick())
	assert.NilError(t, err)
	var lines []string
	for _, e := range index.Entries {
		lines = append(lines, fmt.Sprintf("%s %s %d", e.Type, e.Path, e.Size))
	}
	assert.DeepEqual(t, lines, []string{"file f 3", "dir dir 0"})
	assert.Equal(t, index.Version, artifact.IndexVersion)
}
