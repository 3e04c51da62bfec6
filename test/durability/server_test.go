package durability

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/test/registryserver"
)

// server is `operator registry`, which is killed and started again.
type server struct {
	t         *testing.T
	config    string
	env       []string
	processes []*registryserver.Server // the last of them may run
	kills     int

	mu  sync.Mutex
	url string
}

func newServer(t *testing.T, config string, env ...string) *server {
	t.Helper()
	s := &server{t: t, config: config, env: env}
	s.start()
	return s
}

// start starts a process, and returns when it serves.
func (s *server) start() {
	s.t.Helper()
	process := registryserver.Start(s.t, []string{operator, "registry", "--log-format=json", "--config=" + s.config}, s.env...)
	s.processes = append(s.processes, process)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.url = "http://" + process.Addr
}

// last is the process that was started last.
func (s *server) last() *registryserver.Server { return s.processes[len(s.processes)-1] }

// kill kills the process as the kernel does, and returns when it is gone.
func (s *server) kill() {
	s.t.Helper()
	s.last().Kill(s.t)
	s.kills++
}

// stop ends the process as Kubernetes does.
func (s *server) stop() {
	s.t.Helper()
	s.last().Stop(s.t)
}

func (s *server) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

// collected are the rounds of some processes that ended well, and what they removed.
type collected struct{ rounds, tags, manifests, blobs int }

func (s *server) collected() (sum collected) {
	for _, process := range s.processes {
		for raw := range process.Log(s.t) {
			if !bytes.Contains(raw, []byte(`"msg":"Collected garbage."`)) {
				continue
			}
			var line struct {
				Report struct {
					Removed struct{ Tags, Manifests, Blobs int }
				}
			}
			assert.NilError(s.t, json.Unmarshal(raw, &line))
			sum = sum.plus(collected{1, line.Report.Removed.Tags, line.Report.Removed.Manifests, line.Report.Removed.Blobs})
		}
	}
	return sum
}

func (c collected) plus(other collected) collected {
	return collected{c.rounds + other.rounds, c.tags + other.tags, c.manifests + other.manifests, c.blobs + other.blobs}
}

func collectedBy(servers []*server) (all collected) {
	for _, s := range servers {
		all = all.plus(s.collected())
	}
	return all
}
