package main

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

// registryKind is how a registry is run with its data below a directory.
type registryKind struct {
	name    string
	command func(dir, addr string) ([]string, error)
}

// stockRegistry is `registry` of the distribution project.
func stockRegistry(binary string) registryKind {
	return registryKind{"stock registry", func(dir, addr string) ([]string, error) {
		config := filepath.Join(dir, "config.yml")
		text := fmt.Sprintf(`version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %q}
  delete: {enabled: true}
http: {addr: %q, secret: not a secret}
`, filepath.Join(dir, "data"), addr)
		return []string{binary, "serve", config}, os.WriteFile(config, []byte(text), 0o644)
	}}
}

// ownRegistry is `operator registry`.
func ownRegistry(binary string) registryKind {
	return registryKind{"operator registry", func(dir, addr string) ([]string, error) {
		return []string{binary, "registry", "--root", filepath.Join(dir, "data"), "--addr", addr, "--log-level", "error"}, nil
	}}
}

// server is a registry that runs.
type server struct {
	addr, dir string
	cmd       *exec.Cmd
	output    strings.Builder
}

// serve starts an empty registry below scratch and waits until it answers.
func serve(ctx context.Context, at site, kind registryKind, scratch string) (_ *server, err error) {
	s := &server{}
	if s.dir, err = os.MkdirTemp(scratch, "registry-"); err != nil {
		return nil, err
	}
	if s.addr, err = at.addr(); err != nil {
		return nil, err
	}
	args, err := kind.command(s.dir, s.addr)
	if err != nil {
		return nil, err
	}
	s.cmd = exec.Command(args[0], args[1:]...) // it is stopped when the context is done, after what uses it
	s.cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none", "TMPDIR="+s.dir)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.WaitDelay = time.Second // for output that others hold open
	if err := at.registry(s.cmd); err != nil {
		return nil, fmt.Errorf("starting the %s: %w", kind.name, err)
	}
	if err := s.answers(ctx, at); err != nil {
		s.stop()
		return nil, fmt.Errorf("starting the %s: %w: %s", kind.name, err, lastLines(s.output.String()))
	}
	return s, nil
}

// answers waits until the registry does.
func (s *server) answers(ctx context.Context, at site) error {
	client := http.Client{Transport: &http.Transport{DialContext: at.dial, DisableKeepAlives: true}}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/v2/", nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(req)
		if err == nil {
			_ = answer.Body.Close() // nothing is read of it
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("it answers %s", answer.Status)
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
	}
}

// stop ends the registry and removes its data.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	ended := time.AfterFunc(5*time.Second, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait() // how it ends does not matter any more
	ended.Stop()
	_ = os.RemoveAll(s.dir) // what is left goes with the scratch directory
}
