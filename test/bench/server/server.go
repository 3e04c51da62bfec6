// Package server runs registries for the benchmarks: the stock one, and ours.
package server

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Kind is how a registry is run with its data below a directory.
type Kind struct {
	Name    string
	Command func(dir, addr string) ([]string, error)
}

// Stock is `registry` of the distribution project, with more settings in YAML.
func Stock(binary string, more ...string) Kind {
	return Kind{"stock registry", func(dir, addr string) ([]string, error) {
		config := filepath.Join(dir, "config.yml")
		text := fmt.Sprintf(`version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %q}
  delete: {enabled: true}
http: {addr: %q, secret: not a secret}
`, filepath.Join(dir, "data"), addr) + strings.Join(more, "")
		return []string{binary, "serve", config}, os.WriteFile(config, []byte(text), 0o644)
	}}
}

// Own is `operator registry`, with more arguments.
func Own(binary string, more ...string) Kind {
	return Kind{"operator registry", func(dir, addr string) ([]string, error) {
		args := []string{binary, "registry", "--root", filepath.Join(dir, "data"), "--addr", addr, "--log-level", "error", "--drain-delay", "0s"}
		return append(args, more...), nil
	}}
}

// Server is a registry that runs.
type Server struct {
	Addr   string // host:port
	dir    string
	cmd    *exec.Cmd
	output strings.Builder
}

// Serve starts an empty registry below scratch and waits until it answers.
func Serve(ctx context.Context, at Place, kind Kind, scratch string) (_ *Server, err error) {
	s := &Server{}
	if s.dir, err = os.MkdirTemp(scratch, "registry-"); err != nil {
		return nil, err
	}
	if s.Addr, err = at.Addr(); err != nil {
		return nil, err
	}
	args, err := kind.Command(s.dir, s.Addr)
	if err != nil {
		return nil, err
	}
	s.cmd = exec.Command(args[0], args[1:]...) // not ended by ctx, but by Stop or End, after its clients
	s.cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none", "TMPDIR="+s.dir)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.WaitDelay = time.Second // for output that others hold open
	if err := at.Start(s.cmd); err != nil {
		return nil, fmt.Errorf("starting the %s: %w", kind.Name, err)
	}
	if err := s.answers(ctx, at); err != nil {
		s.Stop()
		return nil, fmt.Errorf("starting the %s: %w: %s", kind.Name, err, s.lastLines())
	}
	return s, nil
}

// answers waits until the registry answers, be it that it asks for credentials.
func (s *Server) answers(ctx context.Context, at Place) error {
	client := http.Client{Transport: &http.Transport{DialContext: at.Dial, DisableKeepAlives: true}}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+"/v2/", nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(req)
		if err == nil {
			_ = answer.Body.Close() // nothing is read of it
			if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusUnauthorized {
				return nil
			}
			err = fmt.Errorf("it answers %s", answer.Status)
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
	}
}

// PID is the number of its process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// lastLines is the end of what it has printed.
func (s *Server) lastLines() string {
	const most = 1000
	output := s.output.String()
	return output[max(0, len(output)-most):]
}

// Stop ends the registry and removes its data.
func (s *Server) Stop() {
	s.End()
	_ = os.RemoveAll(s.dir) // what is left goes with the scratch directory
}

// End ends the registry and leaves its data, which is removed with the scratch directory.
func (s *Server) End() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	ended := time.AfterFunc(5*time.Second, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait() // how it ends does not matter any more
	ended.Stop()
}
