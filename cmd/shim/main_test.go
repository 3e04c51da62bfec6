package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
	"gotest.tools/v3/poll"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// helperVariable makes the test binary itself the wrapped command; see helpers.
const helperVariable = "SHIM_TEST_HELPER"

// timeout bounds every process of these tests; nothing takes nearly as long.
const timeout = 60 * time.Second

func TestMain(m *testing.M) {
	if name := os.Getenv(helperVariable); name != "" {
		os.Exit(helpers()[name]())
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "shim-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // only litter
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "shim"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the shim: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv("PATH", dir+":"+os.Getenv("PATH")); err != nil { // so that tests and their scripts find it
		panic(err)
	}
	unignoreSignals()
	return m.Run()
}

// unignoreSignals has what the tests start begin as in a container. Under nohup or a shell's & it would ignore these signals.
func unignoreSignals() {
	for _, sig := range []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig) // only what is caught is not inherited as ignored
		}
	}
}

// shimPath is the binary under test.
func shimPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("shim")
	assert.NilError(t, err)
	return path
}

// helper is a command line that runs one of the helpers.
func helper(name string) []string {
	return []string{"env", helperVariable + "=" + name, os.Args[0]}
}

// helpers are commands for the shim to wrap that a shell script cannot be. Each returns its exit code.
func helpers() map[string]func() int {
	return map[string]func() int{
		"signals": printSignals,
		"zombies": makeZombies,
		"brood":   leaveBrood,
		"flood":   flood,
	}
}

// printSignals prints the number of each signal that it gets, until it is killed.
func printSignals() int {
	got := make(chan os.Signal, 1)
	signal.Notify(got)
	fmt.Println("listening")
	for sig := range got {
		if n := sig.(syscall.Signal); n != unix.SIGURG { // the Go runtime sends these to itself
			fmt.Println("got", int(n))
		}
	}
	return 0
}

// wrapped is one container as the shim sees it, with the test in the place of its sidecar.
type wrapped struct {
	t       *testing.T
	dir     handoff.Dir
	message string // the termination message file
}

func newWrapped(t *testing.T) *wrapped {
	t.Helper()
	w := &wrapped{t: t, dir: handoff.Dir(t.TempDir()), message: filepath.Join(t.TempDir(), "termination-log")}
	assert.NilError(t, os.WriteFile(w.message, nil, 0o666))
	icmd.RunCommand("shim", "install", t.TempDir(), "--run-dir="+string(w.dir), "--container=app").Assert(t, icmd.Success)
	return w
}

// args are the arguments of a shim that wraps command; flags may override those given here.
func (w *wrapped) args(flags []string, command ...string) []string {
	args := []string{"shim", "--container=app", "--run-dir=" + string(w.dir), "--termination-message-path=" + w.message}
	return append(append(append(args, flags...), "--"), command...)
}

// start runs a shim in the background. It and its command are killed with the test.
func (w *wrapped) start(flags []string, command ...string) *process {
	w.t.Helper()
	return start(w.t, w.args(flags, command...)...)
}

func (w *wrapped) ready(ready handoff.Ready) {
	w.t.Helper()
	assert.NilError(w.t, handoff.Write(w.dir.Ready(), ready))
}

// admitted gives an attempt after the first its verdict on the inputs.
func (w *wrapped) admitted(attempt int) {
	w.t.Helper()
	assert.NilError(w.t, handoff.Write(w.dir.Delivered("app", attempt), handoff.Ready{State: handoff.OK}))
}

func (w *wrapped) pushed(attempt int, pushed handoff.Pushed) {
	w.t.Helper()
	assert.NilError(w.t, handoff.Write(w.dir.Pushed("app", attempt), pushed))
}

// started waits until the command of the first attempt runs.
func (w *wrapped) started() handoff.Started {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), timeout)
	defer cancel()
	rec, err := handoff.Await(ctx, w.dir, w.dir.Started("app", 1), func(handoff.Started) bool { return true })
	assert.NilError(w.t, err)
	return rec
}

// done waits until the command of an attempt has ended.
func (w *wrapped) done(attempt int) handoff.Done {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), timeout)
	defer cancel()
	rec, err := handoff.Await(ctx, w.dir, w.dir.Done("app", attempt), func(handoff.Done) bool { return true })
	assert.NilError(w.t, err)
	return rec
}

func (w *wrapped) terminationMessage() string {
	w.t.Helper()
	data, err := os.ReadFile(w.message)
	assert.NilError(w.t, err)
	return string(data)
}

// sidecar listens for the shim, as the sidecar would.
func (w *wrapped) sidecar() *handoff.Listener {
	w.t.Helper()
	listener, err := handoff.Listen(w.dir)
	assert.NilError(w.t, err)
	w.t.Cleanup(func() { listener.Close() }) //nolint:errcheck // test
	return listener
}

// greet accepts the shim and returns what it says.
func greet(t *testing.T, listener *handoff.Listener) (*handoff.Conn, handoff.Hello) {
	t.Helper()
	late := time.AfterFunc(timeout, func() { listener.Close() }) //nolint:errcheck // wakes who waits
	conn, err := listener.Accept()
	late.Stop()
	assert.NilError(t, err)
	t.Cleanup(func() { conn.Close() }) //nolint:errcheck // test
	var hello handoff.Hello
	late = time.AfterFunc(timeout, func() { conn.Close() }) //nolint:errcheck // wakes who waits
	defer late.Stop()
	_, err = conn.Receive(&hello)
	assert.NilError(t, err)
	return conn, hello
}

// process is one that runs in the background.
type process struct {
	t *testing.T
	*icmd.Result
}

func start(t *testing.T, command ...string) *process {
	t.Helper()
	return startCmd(t, icmd.Command(command[0], command[1:]...))
}

func startCmd(t *testing.T, cmd icmd.Cmd) *process {
	t.Helper()
	p := &process{t, icmd.StartCmd(cmd)}
	assert.NilError(t, p.Error)
	t.Cleanup(func() {
		if p.Cmd.ProcessState == nil {
			killTree(p.pid())
			icmd.WaitOnCmd(timeout, p.Result)
		}
		if t.Failed() {
			t.Log(p.Result)
		}
	})
	return p
}

func (p *process) pid() int { return p.Cmd.Process.Pid }

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	assert.NilError(p.t, p.Cmd.Process.Signal(sig))
}

// wait returns what the process did once it has ended.
func (p *process) wait() *icmd.Result {
	p.t.Helper()
	return icmd.WaitOnCmd(timeout, p.Result)
}

// prints waits until the process has printed text.
func (p *process) prints(text string) {
	p.t.Helper()
	eventually(p.t, func() bool { return contains(p.Stdout(), text) }, "%q to be printed", text)
}

// eventually waits until something is so.
func eventually(t *testing.T, is func() bool, what string, args ...any) {
	t.Helper()
	_, file, line, _ := runtime.Caller(1)
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if is() {
			return poll.Success()
		}
		return poll.Continue("%s:%d: waiting for %s", filepath.Base(file), line, fmt.Sprintf(what, args...))
	}, poll.WithTimeout(timeout), poll.WithDelay(5*time.Millisecond))
}

// killTree kills a process and its children, a shim and its command.
func killTree(pid int) {
	pids := []int{pid}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && statusField(child, "PPid") == strconv.Itoa(pid) {
			pids = append(pids, child)
		}
	}
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
	}
}

// gone tells whether a process is no more, or is dead and only not yet reaped.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || contains(string(stat), ") Z ")
}
