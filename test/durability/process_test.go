package durability

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// startTimeout is how long a registry may take to serve, on a machine that is busy with much else.
const startTimeout = time.Minute

// longest is how long a storage is waited for, whatever the rounds do.
const longest = 10 * time.Minute

// settings are a file of settings of a registry.
type settings struct {
	Addr           string         `json:"addr"`
	HTTPSecretFile string         `json:"httpSecretFile"`
	DrainDelay     string         `json:"drainDelay"`
	Storage        storage.Config `json:"storage"`
	Collect        collectSection `json:"collect"`
}

type collectSection struct {
	Schedule    string `json:"schedule"`
	GracePeriod string `json:"gracePeriod"`
	Lease       string `json:"lease,omitempty"`
	Retention   []Rule `json:"retention"`
}

// write writes settings, and returns their file. All processes that are started by it have the same secret.
func write(t *testing.T, where storage.Config, c collectSection) string {
	t.Helper()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	assert.NilError(t, os.WriteFile(secret, []byte("one secret for all replicas"), 0o600))
	text, err := yaml.Marshal(settings{Addr: "127.0.0.1:0", HTTPSecretFile: secret, DrainDelay: "0s", Storage: where, Collect: c})
	assert.NilError(t, err)
	file := filepath.Join(dir, "config.yaml")
	assert.NilError(t, os.WriteFile(file, text, 0o600))
	return file
}

// server is `operator registry`, which is killed and started again.
type server struct {
	t      *testing.T
	config string
	env    []string
	kills  int
	logs   []string // files, one of each process

	mu    sync.Mutex
	url   string
	cmd   *exec.Cmd
	ended chan struct{}
}

func newServer(t *testing.T, config string, env ...string) *server {
	t.Helper()
	s := &server{t: t, config: config, env: env, url: "http://127.0.0.1:0"}
	t.Cleanup(func() {
		if s.ended != nil {
			_ = s.cmd.Process.Kill() // it may have ended
			<-s.ended
		}
		if t.Failed() {
			s.tellErrors()
		}
	})
	s.start()
	return s
}

// start starts the process, and returns when it serves.
func (s *server) start() {
	log := filepath.Join(s.t.TempDir(), "log")
	out, err := os.Create(log)
	assert.NilError(s.t, err)
	defer out.Close() //nolint:errcheck // the process has its own
	cmd := exec.Command(operator, "registry", "--log-format=json", "--config="+s.config)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stderr = out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	assert.NilError(s.t, cmd.Start())
	s.logs = append(s.logs, log)
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		close(ended)
	}()
	s.cmd, s.ended = cmd, ended
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(10 * time.Millisecond) {
		for _, l := range lines(s.t, log) {
			if l.Msg == "The registry serves." {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.url = "http://" + l.Addr
				return
			}
		}
		select {
		case <-ended:
			text, _ := os.ReadFile(log)
			s.t.Fatalf("the registry ended: %s", text)
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the registry does not serve after %s", startTimeout)
		}
	}
}

// kill kills the process as the kernel does, and returns when it is gone.
func (s *server) kill() {
	s.t.Helper()
	assert.NilError(s.t, s.cmd.Process.Kill())
	<-s.ended
	s.kills++
}

// stop ends the process as Kubernetes does.
func (s *server) stop() {
	s.t.Helper()
	assert.NilError(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	<-s.ended
	assert.Equal(s.t, s.cmd.ProcessState.ExitCode(), 0)
}

func (s *server) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

// line is one of a registry's log.
type line struct {
	Level, Msg, Addr string
	Report           struct {
		Removed struct{ Tags, Manifests, Blobs int }
	}
}

// lines are those of a file that are whole. Those about requests are left out.
func lines(t *testing.T, log string) (all []line) {
	t.Helper()
	text, err := os.ReadFile(log)
	assert.NilError(t, err)
	for raw := range bytes.Lines(text) {
		if bytes.Contains(raw, []byte(`"msg":"Answered a request."`)) {
			continue
		}
		var l line
		if json.Unmarshal(raw, &l) == nil {
			all = append(all, l)
		}
	}
	return all
}

// collected are the rounds of some processes that ended well, and what they removed.
type collected struct{ rounds, tags, manifests, blobs int }

func (s *server) collected() (sum collected) {
	for _, log := range s.logs {
		for _, l := range lines(s.t, log) {
			if l.Msg != "Collected garbage." {
				continue
			}
			sum.rounds++
			sum.tags += l.Report.Removed.Tags
			sum.manifests += l.Report.Removed.Manifests
			sum.blobs += l.Report.Removed.Blobs
		}
	}
	return sum
}

func (c collected) plus(other collected) collected {
	return collected{c.rounds + other.rounds, c.tags + other.tags, c.manifests + other.manifests, c.blobs + other.blobs}
}

// tellErrors shows what the processes logged as errors.
func (s *server) tellErrors() {
	for _, log := range s.logs {
		text, _ := os.ReadFile(log)
		for raw := range strings.Lines(string(text)) {
			if strings.Contains(raw, `"level":"ERROR"`) || !strings.HasPrefix(raw, "{") {
				s.t.Logf("%s", strings.TrimSpace(raw))
			}
		}
	}
}

// seedOf makes a seed, and tells it.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano()) + seeds.Add(1)
	t.Logf("seed %d", seed)
	return seed
}

var seeds atomic.Uint64

// holds asserts that nothing that was promised is broken.
func holds(t *testing.T, load *Load) {
	t.Helper()
	for _, problem := range load.Verify(t.Context()) {
		t.Error(problem)
	}
	if t.Failed() {
		t.Fatal("a promise is broken")
	}
}

// manyRounds are enough to remove all that nothing keeps, once the grace periods have passed.
const manyRounds = 6

// returns waits until a storage has no other bytes than those that are kept, and all of these, and tells how it got there. It waits for as
// long as may be, and for as many rounds at least, on a machine that is busy with much else.
func returns(t *testing.T, load *Load, within time.Duration, servers []*server, read func() (Stored, error)) Stored {
	t.Helper()
	before := collectedBy(servers).rounds
	for began := time.Now(); ; time.Sleep(time.Second) {
		took, rounds := time.Since(began), collectedBy(servers).rounds-before
		stored, err := read()
		assert.NilError(t, err)
		holds(t, load)
		live := load.Live()
		excess, missing := Difference(stored.Blobs, live)
		if excess > 0 && (took < within || rounds < manyRounds) && took < longest {
			continue
		}
		t.Logf("%s and %d rounds after the last push, %d blobs of %d bytes are stored, and %d of %d bytes are kept: %.2f %% too many",
			took.Round(time.Second), rounds, len(stored.Blobs), Bytes(stored.Blobs), len(live), Bytes(live), 100*float64(excess)/float64(Bytes(live)))
		assert.Assert(t, len(live) > 0)
		assert.Equal(t, missing, int64(0), "bytes that are missing")
		assert.Assert(t, excess*20 <= Bytes(live), "the storage has more than 5 %% that nobody keeps")
		return stored
	}
}

func collectedBy(servers []*server) (all collected) {
	for _, s := range servers {
		all = all.plus(s.collected())
	}
	return all
}
