package process

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/test/faults"
)

// Paths of requests to a registry, as rules have them.
const (
	manifests = "/manifests/"
	blobs     = "/blobs/sha256:"
	uploads   = "/blobs/uploads/"
)

// midway is within the large file of a sample, in bytes.
const midway = 1 << 20

// outlasting is a timeout that a test waits out, to read the cause in the message then: where it is more than the timeout
// itself there is time to meet it, on a machine that does much else.
func outlasting(cause string) time.Duration {
	if cause == timedOut {
		return time.Second
	}
	return 5 * time.Second
}

// timedOut is what every message says of a timeout that is over.
const timedOut = "gave up after"

// faulty is a registry behind a proxy that makes it fail as told.
type faulty struct {
	*faults.Proxy
	server  *process
	root    string
	direct  string // address of the registry itself
	address string // of the proxy
}

func newFaulty(t *testing.T) *faulty {
	t.Helper()
	direct, err := freeAddress(t.Context())
	assert.NilError(t, err)
	f := &faulty{root: t.TempDir(), direct: direct}
	f.server = startRegistryAt(t, f.direct, f.root)
	f.front(t)
	return f
}

// beside is the same registry behind a proxy of its own, so that tests can run side by side.
func (f *faulty) beside(t *testing.T) *faulty {
	t.Helper()
	other := &faulty{server: f.server, root: f.root, direct: f.direct}
	other.front(t)
	return other
}

// front starts the proxy.
func (f *faulty) front(t *testing.T) {
	t.Helper()
	var err error
	f.Proxy, err = faults.New("http://" + f.direct)
	assert.NilError(t, err)
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	f.address = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- f.Serve(listener) }()
	t.Cleanup(func() {
		assert.NilError(t, f.Close())
		assert.NilError(t, <-served)
	})
}

// rules puts rules in force and forgets what was logged before.
func (f *faulty) rules(t *testing.T, list ...faults.Rule) {
	t.Helper()
	assert.NilError(t, f.SetRules(list...))
	f.ClearLog()
}

// hold puts a rule in force that holds an exchange at a point, and is called "hold".
func (f *faulty) hold(t *testing.T, rule faults.Rule) {
	t.Helper()
	rule.Name, rule.Do = "hold", faults.Stall
	f.rules(t, rule)
}

// awaitFired waits until a rule has happened.
func (f *faulty) awaitFired(t *testing.T, rule string) {
	t.Helper()
	assert.NilError(t, f.Await(patient(t), func(log []faults.Exchange) bool {
		return slices.ContainsFunc(log, func(x faults.Exchange) bool { return x.Rule == rule })
	}))
}

// fired is how many exchanges the rules in force have happened to.
func (f *faulty) fired() int {
	n := 0
	for _, rule := range f.Rules() {
		n += rule.Fired
	}
	return n
}

// exchanges are the requests of a method whose path holds text.
func (f *faulty) exchanges(method, text string) []faults.Exchange {
	return slices.DeleteFunc(f.Log(), func(x faults.Exchange) bool {
		return x.Method != method || !strings.Contains(x.Path, text)
	})
}

// patient is a context that ends with patience.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// kill ends a process as nothing can expect.
func (p *process) kill(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	p.exitCode(t)
}

// digest is what tag v1 of a repository names; empty if there is no such tag.
func digest(t *testing.T, registry, repository string) string {
	t.Helper()
	url := fmt.Sprintf("http://%s/v2/%s/manifests/v1", registry, repository)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, url, nil)
	assert.NilError(t, err)
	req.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	resp, err := http.DefaultClient.Do(req)
	assert.NilError(t, err)
	assert.NilError(t, resp.Body.Close())
	if resp.StatusCode == http.StatusNotFound {
		return ""
	}
	assert.Equal(t, resp.StatusCode, http.StatusOK)
	return resp.Header.Get("Docker-Content-Digest")
}

// sample is the content of a file that does not compress and is the same each time.
func sample(name string, size int) []byte {
	hash := fnv.New64()
	_, _ = hash.Write([]byte(name)) // a hash takes everything
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte(bytes.Repeat(hash.Sum(nil), 4))).Read(content) // it always can
	return content
}

// sampleFiles are what a sample step makes: one file that is a layer of its own, and one that is not.
func sampleFiles(name string) map[string][]byte {
	return map[string][]byte{"large": sample(name, 6<<20), "small": []byte(name)}
}

// writeSample makes the files of a sample in a directory.
func writeSample(t *testing.T, dir, name string) {
	t.Helper()
	for file, content := range sampleFiles(name) {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, file), content, 0o600))
	}
}

// assertSample checks that a directory holds the files of a sample and nothing else.
func assertSample(t *testing.T, dir, name string) {
	t.Helper()
	assert.Assert(t, is.DeepEqual(visible(t, dir), []string{"large", "small"}))
	for file, want := range sampleFiles(name) {
		got, err := os.ReadFile(filepath.Join(dir, file))
		assert.NilError(t, err)
		assert.Assert(t, bytes.Equal(got, want), "%s of sample %s", file, name)
	}
}

// visible lists a directory, without the place where a pull that goes on puts things.
func visible(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	names := []string{}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".oras-staging-") {
			names = append(names, entry.Name())
		}
	}
	return names
}

// publish runs a step that makes a sample of the artifact's name.
func publish(t *testing.T, registry, artifact string) {
	t.Helper()
	p, work := newMaker(t, registry, artifact)
	p.sidecar(t)
	assert.Equal(t, p.app(t, work, "true").exitCode(t), 0)
}

// newMaker is a pod that pushes its working directory, which holds a sample of the artifact's name.
func newMaker(t *testing.T, registry, artifact string) (p *pod, work string) {
	t.Helper()
	p, work = newPod(t, registry), t.TempDir()
	writeSample(t, work, artifact)
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: artifact, Path: work}}
	return p, work
}

// newTaker is a pod that takes an artifact into data, on a volume or through the shim.
func newTaker(t *testing.T, registry, artifact string, mounted bool) (p *pod, data string) {
	t.Helper()
	p, data = newPod(t, registry), t.TempDir()
	in := handoff.Input{Artifact: artifact, Path: data}
	if mounted {
		in.Mount = data
	}
	p.step.Inputs = []handoff.Input{in}
	return p, data
}

// eachWay runs a test, in parallel, for inputs on a volume and for inputs that are written through the shim.
func eachWay(t *testing.T, name string, test func(t *testing.T, mounted bool)) {
	t.Helper()
	for way, mounted := range map[string]bool{"on a volume": true, "through the shim": false} {
		t.Run(name+" "+way, func(t *testing.T) {
			t.Parallel()
			test(t, mounted)
		})
	}
}

// assertWhole takes an artifact from a registry and checks that it is a sample, by default that of its name.
func assertWhole(t *testing.T, registry, artifact, name string) {
	t.Helper()
	p, data := newTaker(t, registry, artifact, true)
	p.sidecar(t)
	assert.Equal(t, p.app(t, t.TempDir(), "true").exitCode(t), 0)
	assertSample(t, data, name)
}

// repository is one for each test, and its subtests, that share a registry.
func repository(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("of-%x", sample(t.Name(), 8))
}
