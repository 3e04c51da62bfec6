package transfer_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// plant makes a random tree of about n entries, with a few large files and some with holes, and gives every name a mode and a
// time.
func plant(t *testing.T, r *rand.Rand, root string, n int) {
	t.Helper()
	dirs, files, large := []string{root}, []string{}, 2
	var made []string
	for i := range n {
		name := filepath.Join(dirs[r.IntN(len(dirs))], oddName(r, i))
		var err error
		switch kind := r.IntN(20); {
		case kind < 3:
			err = os.Mkdir(name, 0o700)
			dirs = append(dirs, name)
		case kind < 5:
			err = os.Symlink([]string{"..", "../../../../x", "/abs", "n1", "n2/n3", "\xff"}[r.IntN(6)], name)
		case kind == 5 && len(files) > 0:
			err = os.Link(files[r.IntN(len(files))], name)
		case kind == 6 && large > 0:
			large--
			err = os.WriteFile(name, noise(r, 4<<20-1+r.IntN(3)), 0o600)
			files = append(files, name)
		case kind == 7:
			size := r.Int64N(1 << (10 + r.IntN(14)))
			punch(t, name, size, r.Int64N(size+1), r.Int64N(size+1))
			files = append(files, name)
		default:
			err = os.WriteFile(name, noise(r, r.IntN(3000)*r.IntN(2)), 0o600)
			files = append(files, name)
		}
		assert.NilError(t, err)
		made = append(made, name)
	}
	for _, name := range slices.Backward(made) { // children before parents
		dress(t, r, name)
	}
}

func oddName(r *rand.Rand, i int) string {
	switch r.IntN(12) {
	case 0:
		return fmt.Sprintf("n%d\xff\xfe", i)
	case 1:
		return fmt.Sprintf("-n%d new\nline ü", i)
	case 2:
		return fmt.Sprintf("n%d", i) + strings.Repeat("x", 240)
	}
	return fmt.Sprintf("n%d", i)
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}).Read(b)
	return b
}

func dress(t *testing.T, r *rand.Rand, name string) {
	t.Helper()
	info, err := os.Lstat(name)
	assert.NilError(t, err)
	if info.Mode()&os.ModeSymlink == 0 {
		modes := []os.FileMode{0o600, 0o644, 0o755, 0o444, 0o500, 0o111, 0o777, 0}
		mode := modes[r.IntN(len(modes))]
		if os.Getuid() != 0 {
			mode |= 0o500 // or nobody could read it
		}
		assert.NilError(t, os.Chmod(name, mode))
	}
	when := unix.Timespec{Sec: r.Int64N(4e9) - 2e9, Nsec: r.Int64N(1e9)}
	assert.NilError(t, unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{when, when}, unix.AT_SYMLINK_NOFOLLOW))
}

func TestE62EmptyThingsSurvive(t *testing.T) {
	registry := testregistry.Start(t)
	for name, make := range map[string]func(dir string) string{
		"an empty directory":            func(dir string) string { return dir },
		"an empty directory in another": func(dir string) string { return must(dir, os.MkdirAll(dir+"/d/e", 0o755)) },
		"an empty file": func(dir string) string {
			return must(dir, os.WriteFile(dir+"/f", nil, 0o600))
		},
		"a symlink": func(dir string) string { return must(dir, os.Symlink("nowhere", dir+"/l")) },
	} {
		t.Run(name, func(t *testing.T) {
			from, into := make(t.TempDir()), t.TempDir()
			repo := repository(t, registry, "empty")
			push(t, repo, "v1", from)
			pull(t, repo, "v1", into)
			assert.DeepEqual(t, describe(t, into), describe(t, from))
		})
	}
}

func must(path string, err error) string {
	if err != nil {
		panic(err)
	}
	return path
}

func TestASingleFileIsPulledIntoTheDirectory(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "single")
	dir := fs.NewDir(t, "from", fs.WithFile("out.txt", "abc", fs.WithMode(0o640)), fs.WithFile("empty", ""),
		fs.WithFile("run", "#!", fs.WithMode(0o755)))
	into := t.TempDir()
	for _, name := range []string{"out.txt", "empty", "run"} {
		push(t, repo, "v1", dir.Join(name))
		pull(t, repo, "v1", into)
	}
	assert.DeepEqual(t, describe(t, into), describe(t, dir.Path()))
}

func TestTheSameTreeHasTheSameLayersAndIsNotSentTwice(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "same")
	from := t.TempDir()
	plant(t, rand.New(rand.NewPCG(3, 3)), from, 60)
	first := push(t, repo, "v1", from)
	assert.Assert(t, first.Uploaded > 0)
	second := push(t, repo, "v2", from)
	assert.Equal(t, second.Descriptor.Digest, first.Descriptor.Digest)
	assert.Equal(t, second.Uploaded, int64(0))
}

func TestLineageIsInTheManifestOnly(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "lineage")
	dir := fs.NewDir(t, "from", fs.WithFile("f", "abc"))
	plain := push(t, repo, "v1", dir.Path())
	code := 0
	l := artifact.Lineage{Created: time.Unix(1e9, 0).UTC(), Pod: "p", ExitCode: &code}
	with, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(dir.Path()), transfer.PushOptions{Lineage: l, Retry: quick()})
	assert.NilError(t, err)
	assert.Assert(t, with.Descriptor.Digest != plain.Descriptor.Digest)
	assert.Equal(t, with.Uploaded, int64(0))
}

func TestE67APushLeavesOutWhatIsNoFileAndSaysSo(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "odd")
	dir := fs.NewDir(t, "from", fs.WithFile("f", "abc"))
	assert.NilError(t, unix.Mkfifo(dir.Join("pipe"), 0o600))
	assert.NilError(t, os.Symlink("/usr/bin/python3", dir.Join("python")))
	result := push(t, repo, "v1", dir.Path())
	assert.Equal(t, len(result.Warnings), 2)
	assert.Assert(t, strings.Contains(result.Warnings[0], `"pipe" is a device, FIFO`), result.Warnings[0])
	assert.Assert(t, strings.Contains(result.Warnings[1], `"python" can be restored by this client only`), result.Warnings[1])
}

func TestE62AnEmptyTreeMayBeRefused(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "empty")
	_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(t.TempDir()), transfer.PushOptions{RefuseEmpty: true})
	assert.ErrorIs(t, err, transfer.ErrEmpty)
	assert.Assert(t, transfer.Final(err))
}

func TestCountersTellWhatWasDone(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "counters")
	large := bytes.Repeat([]byte("0123456789abcdef"), 5<<16)
	dir := fs.NewDir(t, "from", fs.WithFile("small", "abc"), fs.WithFile("large", "", fs.WithBytes(large)),
		fs.WithFile("run", "", fs.WithBytes(bytes.Repeat(large, 2)), fs.WithMode(0o755)))
	size := int64(3 + 3*len(large))
	for range 2 { // the second time the registry has it all
		var counters transfer.Counters
		_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(dir.Path()), transfer.PushOptions{Counters: &counters})
		assert.NilError(t, err)
		assert.Equal(t, counters.Bytes.Load(), size)
		assert.Equal(t, counters.TotalBytes.Load(), size)
		assert.Equal(t, counters.Files.Load(), int64(3))
		assert.Equal(t, counters.TotalFiles.Load(), int64(3))
	}
	var counters transfer.Counters
	_, err := pullInto(t.Context(), repo, "v1", t.TempDir(), transfer.PullOptions{Counters: &counters})
	assert.NilError(t, err)
	assert.Equal(t, counters.Bytes.Load(), size)
	assert.Equal(t, counters.TotalBytes.Load(), size)
	assert.Equal(t, counters.Files.Load(), int64(3))
	assert.Assert(t, counters.Wire.Load() > int64(len(large)))
}

func TestFilesListsWithoutPulling(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "files")
	dir := fs.NewDir(t, "from", fs.WithDir("d", fs.WithFile("f", "abc")))
	pushed := push(t, repo, "v1", dir.Path())
	registry.Requests()
	desc, index, err := transfer.Files(t.Context(), repo, "v1", quick())
	assert.NilError(t, err)
	assert.Equal(t, desc.Digest, pushed.Descriptor.Digest)
	assert.Equal(t, len(index.Entries), 2)
	assert.Equal(t, index.Entries[1].Path, tree.Path("d/f"))
	assert.Equal(t, len(registry.Requests()), 2)
	_, _, err = transfer.Files(t.Context(), repo, "v2", quick())
	assert.ErrorIs(t, err, transfer.ErrNotFound)
}

func TestE70ALargeIndexIsRead(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "many")
	from, into := t.TempDir(), t.TempDir()
	deep := from + strings.Repeat("/"+strings.Repeat("d", 250), 12)
	assert.NilError(t, os.MkdirAll(deep, 0o755))
	for i := range 1200 { // each with an entry of 3 KiB
		assert.NilError(t, os.WriteFile(fmt.Sprintf("%s/%06d", deep, i), []byte(fmt.Sprint(i)), 0o600))
	}
	push(t, repo, "v1", from)
	pull(t, repo, "v1", into)
	assert.DeepEqual(t, describe(t, into), describe(t, from))
	registry.Requests()
	_, _, err := transfer.Files(t.Context(), repo, "v1", quick())
	assert.NilError(t, err)
	assert.Equal(t, len(registry.Requests()), 3, "a manifest and two documents")
}
