package clients

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"
)

// server is a running `operator registry`.
type server struct {
	addr string // host:port
	log  string // a file, a line of JSON for each request
}

// serve starts a registry for a test.
func serve(t *testing.T, as access) server {
	t.Helper()
	dir := t.TempDir()
	s := server{log: filepath.Join(dir, "log")}
	log, err := os.Create(s.log)
	assert.NilError(t, err)
	args := append([]string{built.operator, "registry", "--log-format=json", "--addr=127.0.0.1:0", "--drain-delay=0s",
		"--root=" + filepath.Join(dir, "data")}, as.flags...)
	if as.wrap != nil {
		args = as.wrap(t, args...)
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	cmd.Stderr = log
	assert.NilError(t, cmd.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // it is told to stop
	}()
	t.Cleanup(func() {
		<-done // t's context ends before
		assert.NilError(t, log.Close())
	})
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		select {
		case <-done:
			out, _ := os.ReadFile(s.log)
			t.Fatalf("the registry ended: %s", out)
		default:
		}
		for _, line := range s.lines(t) {
			if line.Msg == "The registry serves." {
				s.addr = line.Addr
				return poll.Success()
			}
		}
		return poll.Continue("it does not serve yet")
	}, poll.WithTimeout(time.Minute))
	return s
}

// line is one of the registry's log.
type line struct {
	Msg, Addr, Method, Path string
	Status                  int
}

// lines are those that are written already.
func (s server) lines(t *testing.T) (lines []line) {
	t.Helper()
	out, err := os.ReadFile(s.log)
	assert.NilError(t, err)
	whole := out[:bytes.LastIndexByte(out, '\n')+1]
	for dec := json.NewDecoder(bytes.NewReader(whole)); dec.More(); {
		var l line
		assert.NilError(t, dec.Decode(&l))
		lines = append(lines, l)
	}
	return lines
}

// began counts the answers to requests that begin an upload to a repository, by their status.
func (s server) began(t *testing.T, repository string) map[int]int {
	t.Helper()
	counts := map[int]int{}
	for _, l := range s.lines(t) {
		if l.Method == "POST" && strings.HasPrefix(l.Path, "/v2/"+repository+"/blobs/uploads/") {
			counts[l.Status]++
		}
	}
	return counts
}
