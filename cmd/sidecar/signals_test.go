package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
	"gotest.tools/v3/poll"
)

func TestASignalEndsACommandWithItsCode(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"Control-C": syscall.SIGINT, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			registry := startRegistry(t)
			does(t, "push", registry.host+"/a:v1", results(t).Path())
			slow(registry, time.Minute)
			registry.requests()
			into := t.TempDir()
			cmd := icmd.Command("sidecar", "pull", registry.host+"/a:v1", "--into", into)
			result := icmd.StartCmd(cmd)
			poll.WaitOn(t, func(poll.LogT) poll.Result {
				if found, err := filepath.Glob(filepath.Join(into, ".oras-staging-*")); err == nil && len(found) == 1 {
					return poll.Success()
				}
				return poll.Continue("waiting for the pull to write")
			}, poll.WithTimeout(timeout))
			assert.NilError(t, result.Cmd.Process.Signal(sig))
			result = icmd.WaitOnCmd(timeout, result)
			assert.Equal(t, result.ExitCode, 128+int(sig))
			assert.Equal(t, result.Stderr(), map[string]string{"Control-C": "interrupted\n", "SIGTERM": "terminated\n"}[name])
			left, err := os.ReadDir(into)
			assert.NilError(t, err)
			assert.Equal(t, len(left), 0)
		})
	}
}

func TestControlCEndsWaitingForAPassword(t *testing.T) {
	typing, keyboard, err := os.Pipe()
	assert.NilError(t, err)
	defer keyboard.Close() //nolint:errcheck // a test
	cmd := icmd.Command("sidecar", "ls", "localhost:5000", "--username", user, "--password-stdin")
	result := icmd.StartCmd(cmd, icmd.WithStdin(typing))
	_, err = keyboard.WriteString("half")
	assert.NilError(t, err)
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if waiting(t, typing) == 0 {
			return poll.Success()
		}
		return poll.Continue("waiting for the command to read")
	}, poll.WithTimeout(timeout))
	assert.NilError(t, result.Cmd.Process.Signal(syscall.SIGINT))
	assert.Equal(t, icmd.WaitOnCmd(timeout, result).ExitCode, 130)
}

// waiting is how many bytes are in a pipe.
func waiting(t *testing.T, pipe *os.File) int {
	t.Helper()
	n, err := unix.IoctlGetInt(int(pipe.Fd()), unix.TIOCINQ)
	assert.NilError(t, err)
	return n
}

func TestASecondControlCEndsWhatIsStuck(t *testing.T) {
	registry := startRegistry(t)
	does(t, "push", registry.host+"/a:v1", results(t).Path())
	unread, out, err := os.Pipe()
	assert.NilError(t, err)
	defer unread.Close() //nolint:errcheck // nobody reads it
	cmd := exec.Command("sidecar", "cat", registry.host+"/a:v1", "field.bin")
	cmd.Stdout = out
	assert.NilError(t, cmd.Start())
	assert.NilError(t, out.Close())
	defer cmd.Process.Kill() //nolint:errcheck // it has ended unless the test fails
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if waiting(t, unread) >= 64<<10 {
			return poll.Success()
		}
		return poll.Continue("waiting for the pipe to be full")
	}, poll.WithTimeout(timeout))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is asked for below
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(timeout / 4)
	for {
		select {
		case <-tick.C:
			assert.NilError(t, cmd.Process.Signal(syscall.SIGINT))
		case <-ended:
			status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
			assert.Assert(t, ok && status.Signaled() && status.Signal() == syscall.SIGINT, "%v", cmd.ProcessState)
			return
		case <-late:
			t.Fatal("it goes on")
		}
	}
}
