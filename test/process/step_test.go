package process

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// patience bounds every wait, many times what a loaded machine needs.
const patience = time.Minute

// process is a running binary, ended with the test at the latest.
type process struct {
	cmd    *exec.Cmd
	name   string
	output *output
	ended  chan struct{}
	dir    string // of a registry: its data
}

// output collects what a process prints while others read it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs a binary; stdout and stderr are collected together.
func start(t *testing.T, dir, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(built.path(name), args...), name: name, output: new(output), ended: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.WaitDelay = time.Second // what a killed shim leaves behind holds the pipe open
	assert.NilError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.ended
		if t.Failed() {
			t.Logf("%s %q:\n%s", name, args, p.output)
		}
	})
	return p
}

// exitCode waits for the end of the process.
func (p *process) exitCode(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%s has not ended after %s", p.name, patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	assert.NilError(t, p.cmd.Process.Signal(sig))
}

// pod is what the containers of one pod share, and where its registry is.
type pod struct {
	run      handoff.Dir
	registry string
	step     handoff.Step
	shim     []string // further flags of the shim
}

// newPod is a pod with one wrapped container, app, as the shim's installer leaves it.
func newPod(t *testing.T, registry string) *pod {
	t.Helper()
	run := filepath.Join(t.TempDir(), "run")
	install := exec.Command(built.path("shim"), "install", t.TempDir(), "--run-dir="+run, "--container=app")
	out, err := install.CombinedOutput()
	assert.NilError(t, err, string(out))
	// The kubelet makes this file before the container starts.
	assert.NilError(t, os.WriteFile(filepath.Join(filepath.Dir(run), "termination-log"), nil, 0o600))
	p := &pod{run: handoff.Dir(run), registry: registry, step: handoff.Step{
		RunDir: handoff.Dir(run), Registry: registry, PlainHTTP: true, Containers: []string{"app"},
		PullTimeout: patience, PushTimeout: patience, Debug: true,
	}}
	assert.NilError(t, os.WriteFile(p.noticeFile(), nil, 0o600))
	return p
}

// noticeFile is the sidecar's termination message.
func (p *pod) noticeFile() string { return filepath.Join(filepath.Dir(string(p.run)), "notices") }

// notices are what the sidecar has left for people so far.
func (p *pod) notices(t *testing.T) []handoff.Notice {
	t.Helper()
	text, err := os.ReadFile(p.noticeFile())
	assert.NilError(t, err)
	return handoff.ParseNotices(string(text))
}

func (p *pod) sidecar(t *testing.T) *process {
	t.Helper()
	args := append([]string{"run", "--termination-message-path=" + p.noticeFile()}, p.step.Args()...)
	return start(t, "", "sidecar", args...)
}

// app runs a shell command in dir as the container app of the pod.
func (p *pod) app(t *testing.T, dir, script string) *process {
	t.Helper()
	return p.container(t, "app", dir, script)
}

// container runs a shell command in dir as a container of the pod.
func (p *pod) container(t *testing.T, name, dir, script string) *process {
	t.Helper()
	message := filepath.Join(filepath.Dir(string(p.run)), "termination-log")
	args := append([]string{"--run-dir=" + string(p.run), "--container=" + name, "--termination-message-path=" + message}, p.shim...)
	return start(t, dir, "shim", append(args, "--", "sh", "-c", script)...)
}

// terminationMessage is what the container leaves for the kubelet.
func (p *pod) terminationMessage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(string(p.run)), "termination-log"))
	assert.NilError(t, err)
	return string(text)
}

// startRegistry serves a new registry, and returns its process and its address.
func startRegistry(t *testing.T) (*process, string) {
	t.Helper()
	address, err := freeAddress(t.Context())
	assert.NilError(t, err)
	return startRegistryAt(t, address, t.TempDir()), address
}

func startRegistryAt(t *testing.T, address, root string) *process {
	t.Helper()
	secret := filepath.Join(filepath.Dir(root), "secret") // the same for a registry that is started again
	assert.NilError(t, os.WriteFile(secret, []byte("sixteen bytes or more"), 0o600))
	p := start(t, "", "operator", "registry", "--root="+root, "--addr="+address, "--http-secret-file="+secret)
	p.dir = root
	deadline := time.Now().Add(patience)
	for {
		if ready(t.Context(), address) {
			return p
		}
		select {
		case <-p.ended:
			t.Fatalf("the registry has ended:\n%s", p.output)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the registry does not answer:\n%s", p.output)
		}
	}
}

func ready(ctx context.Context, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/v2/", address), nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// awaitOutput waits until the process has printed text.
func (p *process) awaitOutput(t *testing.T, text string) {
	t.Helper()
	p.awaitOutputs(t, text, 1)
}

// awaitOutputs waits until the process has printed text so many times.
func (p *process) awaitOutputs(t *testing.T, text string, times int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for strings.Count(p.output.String(), text) < times {
		if time.Now().After(deadline) {
			t.Fatalf("%s has not printed %q, or not %d times", p.name, text, times)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
