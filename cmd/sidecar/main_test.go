package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
	"gotest.tools/v3/icmd"

	"github.com/converged-computing/oras-operator/pkg/registry"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// timeout bounds every process of these tests; nothing takes nearly as long.
const timeout = 60 * time.Second

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	logrus.SetOutput(io.Discard) // of the registry; it has no other way
	dir, err := os.MkdirTemp("", "sidecar-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // only litter
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "sidecar"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the sidecar: %v\n%s", err, out)
		return 1
	}
	for name, value := range map[string]string{ // of every process that a test starts
		"PATH": dir + ":" + os.Getenv("PATH"), "HOME": dir, "TZ": "UTC", "DOCKER_CONFIG": "",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	return m.Run()
}

// front is a registry with a handler in front that may answer requests itself.
type front struct {
	host string
	app  http.Handler

	mu    sync.Mutex
	guard func(w http.ResponseWriter, r *http.Request) bool
	paths []string
}

func startRegistry(t *testing.T) *front {
	t.Helper()
	app, err := registry.New(registry.Config{Storage: storage.Config{Root: t.TempDir()}})
	assert.NilError(t, err)
	f := &front{app: app}
	server := httptest.NewServer(f)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		assert.NilError(t, app.Close())
	})
	f.host = strings.TrimPrefix(server.URL, "http://")
	return f
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	guard := f.guard
	f.paths = append(f.paths, r.Method+" "+r.URL.Path)
	f.mu.Unlock()
	if guard == nil || !guard(w, r) {
		f.app.ServeHTTP(w, r)
	}
}

// set puts a guard before the registry: it answers a request and returns true, or lets it through.
func (f *front) set(guard func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.guard = guard
}

// requests returns those since the last call.
func (f *front) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.paths
	f.paths = nil
	return all
}

// execute runs the binary.
func execute(args ...string) *icmd.Result {
	return icmd.RunCmd(icmd.Cmd{Command: append([]string{"sidecar"}, args...), Timeout: timeout})
}

// does runs the binary and wants it to succeed. It returns standard output.
func does(t *testing.T, args ...string) string {
	t.Helper()
	result := execute(args...)
	result.Assert(t, icmd.Success)
	return result.Stdout()
}

// results is a tree with a raw layer and a pack.
func results(t *testing.T) *fs.Dir {
	t.Helper()
	dir := fs.NewDir(t, "results",
		fs.WithDir("run-1", fs.WithFile("points.csv", "a,b\n")), fs.WithDir("run-2", fs.WithFile("points.csv", "c,d,e\n")),
		fs.WithFile("summary.txt", "done\n", fs.WithMode(0o640)), fs.WithFile("field.bin", strings.Repeat("01234567", 5<<17)),
		fs.WithFile("odd\n\xff", ""))
	assert.NilError(t, os.Symlink("run-2", dir.Join("latest")))
	assert.NilError(t, os.Link(dir.Join("summary.txt"), dir.Join("twin.txt")))
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	assert.NilError(t, os.Chtimes(dir.Join("summary.txt"), when, when))
	return dir
}
