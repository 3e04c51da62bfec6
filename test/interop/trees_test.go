package interop

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/registry"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// newRepository is one in a registry of this project, which ends with the test.
func newRepository(t *testing.T) *remote.Repository {
	t.Helper()
	handler, err := registry.New(registry.Config{Storage: storage.Config{Root: t.TempDir()}})
	assert.NilError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		assert.Check(t, handler.Close())
	})
	repo, err := transfer.Registry{Host: strings.TrimPrefix(server.URL, "http://"), PlainHTTP: true}.Repository("tree")
	assert.NilError(t, err)
	return repo
}

func push(t *testing.T, repo *remote.Repository, from string) transfer.Result {
	t.Helper()
	result, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from), transfer.PushOptions{})
	assert.NilError(t, err)
	return result
}

func pull(t *testing.T, repo *remote.Repository) string {
	t.Helper()
	into := temp(t)
	sink, err := transfer.IntoDirectory(into, tree.WriterOptions{})
	assert.NilError(t, err)
	_, err = transfer.Pull(t.Context(), repo, "v1", sink, transfer.PullOptions{})
	assert.NilError(t, err)
	return into
}

// orasPull pulls with the CLI.
func orasPull(t *testing.T, repo *remote.Repository, tag string, concurrency int) string {
	t.Helper()
	into := temp(t)
	cmd := icmd.Command(built, "pull", "--plain-http", "--no-tty", fmt.Sprintf("--concurrency=%d", concurrency), "-o", into,
		fmt.Sprintf("%s/%s:%s", repo.Reference.Registry, repo.Reference.Repository, tag))
	cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+t.TempDir(), "HOME="+t.TempDir())
	icmd.RunCmd(cmd).Assert(t, icmd.Success)
	return into
}

// temp is a temporary directory that can be removed whatever modes its directories have.
func temp(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		assert.Check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o700)
			}
			return err
		}))
	})
	return dir
}

// assertEqual compares what our client pulled with what was pushed: all that a tree has, and every byte.
func assertEqual(t *testing.T, got, want string) {
	t.Helper()
	g, w := list(t, got), list(t, want)
	assert.Equal(t, len(g), len(w))
	for i, e := range w {
		o := g[i]
		same := e.Path == o.Path && e.Type == o.Type && e.Link == o.Link && e.Size == o.Size
		if e.Type != tree.Hardlink {
			same = same && e.ModTime.Equal(o.ModTime)
		}
		if e.Type == tree.File || e.Type == tree.Dir {
			same = same && e.Mode&0o777 == o.Mode
		}
		assert.Assert(t, same, "%+v is not %+v", o, e)
		if e.Type == tree.File {
			assertSameContent(t, filepath.Join(got, string(e.Path)), filepath.Join(want, string(e.Path)))
		}
	}
}

// assertContents compares what a stock client pulled with what was pushed, but for the links of the index alone.
func assertContents(t *testing.T, repo *remote.Repository, got, want string) {
	t.Helper()
	_, index, err := transfer.Files(t.Context(), repo, "v1", transfer.Retry{})
	assert.NilError(t, err)
	unseen := map[tree.Path]bool{}
	for _, e := range index.Entries {
		if e.Layer == artifact.NoLayer {
			assert.Assert(t, e.Type == tree.Symlink || e.Type == tree.Hardlink, e.Path)
			unseen[e.Path] = true
		}
	}
	w := slices.DeleteFunc(list(t, want), func(e tree.Entry) bool { return unseen[e.Path] })
	g := list(t, got)
	assert.Equal(t, len(g), len(w))
	for i, e := range w {
		o := g[i]
		assert.Equal(t, o.Path, e.Path)
		switch e.Type {
		case tree.Symlink, tree.Dir:
			assert.Assert(t, o.Type == e.Type && o.Link == e.Link, "%+v is not %+v", o, e)
		default:
			assert.Assert(t, o.Type == tree.File || o.Type == tree.Hardlink, o.Path)
			assertSameContent(t, filepath.Join(got, string(e.Path)), filepath.Join(want, string(e.Path)))
		}
	}
}

func list(t *testing.T, dir string) []tree.Entry {
	t.Helper()
	listing, err := tree.List(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(listing.Skipped), 0)
	return listing.Entries
}

func assertSameContent(t *testing.T, got, want string) {
	t.Helper()
	a, err := os.Open(got)
	assert.NilError(t, err)
	defer func() { assert.Check(t, a.Close()) }()
	b, err := os.Open(want)
	assert.NilError(t, err)
	defer func() { assert.Check(t, b.Close()) }()
	x, y := make([]byte, 256<<10), make([]byte, 256<<10)
	for {
		n, errA := io.ReadFull(a, x)
		m, errB := io.ReadFull(b, y)
		assert.Assert(t, n == m && bytes.Equal(x[:n], y[:m]), got)
		if errA != nil || errB != nil {
			assert.Equal(t, errA, errB, got)
			return
		}
	}
}

func TestTheGoToolchainSurvivesAndTheCLIPullsIt(t *testing.T) {
	root := icmd.RunCommand("go", "env", "GOROOT")
	root.Assert(t, icmd.Success)
	from, repo := strings.TrimSpace(root.Stdout()), newRepository(t)
	result := push(t, repo, from)
	assert.Assert(t, result.Files > 5000, "%d files", result.Files)
	assertEqual(t, pull(t, repo), from)
	assertContents(t, repo, orasPull(t, repo, "v1", 5), from)
}

func TestAVirtualEnvironmentSurvivesAndTheCLIPullsAllButItsAbsoluteLinks(t *testing.T) {
	from, repo := filepath.Join(temp(t), "venv"), newRepository(t)
	makeVenv(t, from)
	result := push(t, repo, from)
	assert.Assert(t, len(result.Warnings) > 0)
	assertEqual(t, pull(t, repo), from)
	stock := orasPull(t, repo, "v1", 3)
	assertContents(t, repo, stock, from)
	for _, e := range list(t, from) {
		if e.Type == tree.Symlink {
			_, err := os.Lstat(filepath.Join(stock, string(e.Path)))
			assert.Equal(t, os.IsNotExist(err), filepath.IsAbs(string(e.Link)), "%s -> %s", e.Path, e.Link)
		}
	}
}

// makeVenv makes a virtual environment, by hand where there is no Python.
func makeVenv(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err == nil &&
		icmd.RunCommand("python3", "-m", "venv", "--symlinks", "--without-pip", dir).ExitCode == 0 {
		return
	}
	write(t, dir, map[string]string{
		"bin/activate": "export VIRTUAL_ENV", "pyvenv.cfg": "home = /usr/bin\n", "include/": "", "lib/python3/site-packages/a.py": "pass",
	})
	for name, text := range map[string]string{"bin/python3": "/usr/bin/python3", "bin/python": "python3", "lib64": "lib"} {
		assert.NilError(t, os.Symlink(text, filepath.Join(dir, name)))
	}
}

func TestAGitRepositorySurvivesAndTheCLIPullsIt(t *testing.T) {
	from, repo := filepath.Join(temp(t), "repo"), newRepository(t)
	makeRepository(t, from)
	readOnly := 0
	for _, e := range list(t, from) {
		if e.Mode == 0o444 {
			readOnly++
		}
	}
	assert.Assert(t, readOnly >= 3, "%d objects", readOnly)
	push(t, repo, from)
	into := pull(t, repo)
	assertEqual(t, into, from)
	stock := orasPull(t, repo, "v1", 3)
	assertContents(t, repo, stock, from)
	if _, err := exec.LookPath("git"); err == nil {
		for _, dir := range []string{into, stock} {
			icmd.RunCommand("git", "-C", dir, "fsck", "--strict").Assert(t, icmd.Success)
		}
	}
}

// makeRepository makes a git repository with a commit, or what looks like one where there is no git.
func makeRepository(t *testing.T, dir string) {
	t.Helper()
	write(t, dir, map[string]string{"README": "hello", "d/f": "x", "run": "#!/bin/sh"})
	if _, err := exec.LookPath("git"); err != nil {
		for _, object := range []string{"11/1111", "22/2222", "33/3333"} {
			write(t, dir, map[string]string{".git/objects/" + object: object})
			assert.NilError(t, os.Chmod(filepath.Join(dir, ".git/objects", object), 0o444))
		}
		return
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "one"}} {
		icmd.RunCommand("git", append([]string{"-C", dir}, args...)...).Assert(t, icmd.Success)
	}
}

// write makes files; a path that ends in a slash is a directory.
func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		full := filepath.Join(root, path)
		if strings.HasSuffix(path, "/") {
			assert.NilError(t, os.MkdirAll(full, 0o755))
			continue
		}
		assert.NilError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		assert.NilError(t, os.WriteFile(full, []byte(content), 0o644))
	}
}
