// Package registryserver runs `operator registry` for tests: a process of its own, whose log tells what it does.
package registryserver

import (
	"bytes"
	"encoding/json"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// Patience is how long a registry may take to serve, on a machine that is busy with much else.
const Patience = time.Minute

// Server is a registry that serves, until it is killed or stopped.
type Server struct {
	// Addr is its address, host:port.
	Addr string

	log   string // a file
	cmd   *exec.Cmd
	ended chan struct{}
}

// Start runs a command that is, or becomes, `operator registry --log-format=json`, with more variables in its environment. It
// returns when the registry serves. The process ends with the test, and what it logged as errors is shown if the test fails.
func Start(t testing.TB, command []string, env ...string) *Server {
	t.Helper()
	s := &Server{log: filepath.Join(t.TempDir(), "log"), ended: make(chan struct{})}
	out, err := os.Create(s.log)
	assert.NilError(t, err)
	defer out.Close() //nolint:errcheck // the process has its own
	s.cmd = exec.Command(command[0], command[1:]...)
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stderr = out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	assert.NilError(t, s.cmd.Start())
	go func() {
		_ = s.cmd.Wait() // it is killed
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it may have ended
		<-s.ended
		if t.Failed() {
			s.showErrors(t)
		}
	})
	s.await(t)
	return s
}

// await returns when the registry serves.
func (s *Server) await(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !s.serves(t); time.Sleep(10 * time.Millisecond) {
		select {
		case <-s.ended:
			text, _ := os.ReadFile(s.log)
			t.Fatalf("the registry ended: %s", text)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the registry does not serve after %s", Patience)
		}
	}
}

// serves tells whether the registry has logged that it serves, and notes where.
func (s *Server) serves(t testing.TB) bool {
	t.Helper()
	for raw := range s.Log(t) {
		var line struct{ Msg, Addr string }
		if json.Unmarshal(raw, &line) == nil && line.Msg == "The registry serves." {
			s.Addr = line.Addr
			return true
		}
	}
	return false
}

// Kill kills the process as the kernel does, and returns when it is gone.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	assert.NilError(t, s.cmd.Process.Kill())
	<-s.ended
}

// Stop ends the process as Kubernetes does. It must end well.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	assert.NilError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	<-s.ended
	assert.Equal(t, s.cmd.ProcessState.ExitCode(), 0)
}

// Log returns the lines that the process has logged so far, each an object in JSON unless the process has failed altogether.
func (s *Server) Log(t testing.TB) iter.Seq[[]byte] {
	t.Helper()
	text, err := os.ReadFile(s.log)
	assert.NilError(t, err)
	return bytes.Lines(text[:bytes.LastIndexByte(text, '\n')+1])
}

func (s *Server) showErrors(t testing.TB) {
	for raw := range s.Log(t) {
		if bytes.Contains(raw, []byte(`"level":"ERROR"`)) || !bytes.HasPrefix(raw, []byte("{")) {
			t.Logf("%s", bytes.TrimSpace(raw))
		}
	}
}
