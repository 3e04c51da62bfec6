package storage_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// participant starts a process of this test's binary with a root directory, and returns what it prints, line by line.
func participant(t *testing.T, as, root string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	assert.NilError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), role+"="+as, "ROOT="+root)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, cmd.Start())
	t.Cleanup(func() { kill(cmd) })
	return cmd, bufio.NewScanner(stdout)
}

// kill kills a process and waits for its end.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()         // it was killed
}

// openRoot opens the directory that the process was given, or ends it.
func openRoot() *storage.Store {
	store, err := storage.Open(context.Background(), storage.Config{Root: os.Getenv("ROOT")}, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return store
}

// hold is a process that has a directory until it is told to stop, or killed.
func hold() {
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	store := openRoot()
	fmt.Println("open")
	<-told.Done()
	_ = store.Close() // the end of the process gives it up, too
}

func TestADirectoryIsOneProcessesAtATime(t *testing.T) {
	root := t.TempDir()
	other, lines := participant(t, "hold", root)
	assert.Assert(t, lines.Scan(), "it did not open the directory")

	host, err := os.Hostname()
	assert.NilError(t, err)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := storage.Open(t.Context(), storage.Config{Root: root}, slog.New(slog.DiscardHandler))
		assert.ErrorContains(t, err, fmt.Sprintf("in use by process %d on host %s", other.Process.Pid, host))
		assert.Equal(t, time.Since(start), 10*time.Second)
	})

	kill(other)
	open(t, storage.Config{Root: root})
}

func TestADirectoryThatIsGivenUpIsTaken(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		first := open(t, storage.Config{Root: root})
		opened := make(chan error)
		go func() {
			second, err := storage.Open(t.Context(), storage.Config{Root: root}, slog.New(slog.DiscardHandler))
			if err == nil {
				err = second.Close()
			}
			opened <- err
		}()
		synctest.Wait()
		assert.NilError(t, first.Close())
		assert.NilError(t, <-opened)
	})
}

func TestWhoWaitsForADirectoryCanBeStopped(t *testing.T) {
	root := t.TempDir()
	open(t, storage.Config{Root: root})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := storage.Open(ctx, storage.Config{Root: root}, slog.New(slog.DiscardHandler))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestWhatWasNotWholeIsGoneOnceADirectoryIsOpen(t *testing.T) {
	root := t.TempDir()
	assert.NilError(t, os.Mkdir(root+"/.tmp", 0o700))
	assert.NilError(t, os.WriteFile(root+"/.tmp/123", []byte("half"), 0o600))
	open(t, storage.Config{Root: root})
	assert.DeepEqual(t, temporaries(t, root), []string(nil))
}

// temporaries are the names of the files that are not whole.
func temporaries(t *testing.T, root string) []string {
	t.Helper()
	entries, err := os.ReadDir(root + "/.tmp")
	assert.NilError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestADirectoryThatCannotBeMadeIsNamed(t *testing.T) {
	file := t.TempDir() + "/file"
	assert.NilError(t, os.WriteFile(file, nil, 0o600))
	_, err := storage.Open(t.Context(), storage.Config{Root: file + "/root"}, slog.New(slog.DiscardHandler))
	assert.ErrorContains(t, err, "making the root directory")
	assert.Assert(t, strings.Contains(err.Error(), file), err)
}
