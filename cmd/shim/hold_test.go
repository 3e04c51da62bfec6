package main_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestE31TheContainerIsHeldUntilTheOutputsArePushed(t *testing.T) {
	w := newWrapped(t)
	out := t.TempDir()
	listener := w.sidecar()
	p := w.start([]string{"--no-wait"}, "sh", "-c", `echo result >"$1/file"`, "sh", out)
	conn, _ := greet(t, listener)
	assert.Equal(t, w.done(1).ExitCode, 0)
	w.pushed(1, handoff.Pushed{State: handoff.Pushing})
	files := ask(t, conn, handoff.Request{Op: handoff.OpOpen, Path: out, Names: []tree.Path{"file"}}) // while held
	data, err := io.ReadAll(files[0])
	assert.NilError(t, err)
	assert.Equal(t, string(data), "result\n")
	assert.Assert(t, p.Cmd.ProcessState == nil && !gone(p.pid()), "held")
	w.pushed(1, handoff.Pushed{State: handoff.OK})
	p.wait().Assert(t, icmd.Expected{Err: icmd.None})
	var reply handoff.Reply
	_, err = conn.Receive(&reply)
	assert.ErrorIs(t, err, io.EOF, "the end of the shim is the end of the connection")
}

func TestARelativeOutputIsFoundFromTheWorkingDirectory(t *testing.T) {
	w := newWrapped(t)
	listener := w.sidecar()
	args := w.args([]string{"--no-wait"}, "sh", "-c", "mkdir out; echo here >out/file")
	p := startCmd(t, icmd.Cmd{Command: args, Dir: t.TempDir()})
	conn, _ := greet(t, listener)
	w.done(1)
	files := ask(t, conn, handoff.Request{Op: handoff.OpOpen, Path: "out", Names: []tree.Path{"file"}})
	data, err := io.ReadAll(files[0])
	assert.NilError(t, err)
	assert.Equal(t, string(data), "here\n")
	w.pushed(1, handoff.Pushed{State: handoff.OK})
	p.wait().Assert(t, icmd.Success)
}

func TestAListingOfManyFilesArrivesWhole(t *testing.T) {
	const many = 5000
	out := t.TempDir()
	for i := range many {
		assert.NilError(t, os.WriteFile(filepath.Join(out, "file-"+time.Unix(int64(i), 0).UTC().Format("150405")), nil, 0o600))
	}
	w := newWrapped(t)
	listener := w.sidecar()
	p := w.start([]string{"--no-wait"}, "true")
	conn, _ := greet(t, listener)
	assert.NilError(t, conn.Send(handoff.Request{Op: handoff.OpList, Path: out}))
	got := 0
	for more := true; more; {
		var reply handoff.Reply
		_, err := conn.Receive(&reply)
		assert.NilError(t, err)
		got += len(reply.Entries)
		more = reply.More
	}
	assert.Equal(t, got, many)
	w.pushed(1, handoff.Pushed{State: handoff.Skipped, Why: "there are no outputs"})
	p.wait().Assert(t, icmd.Success)
}

func TestE32AFailedPushIsTheContainersCode(t *testing.T) {
	for _, code := range []int{201, 202} {
		w := newWrapped(t)
		p := w.start([]string{"--no-wait"}, "true")
		w.done(1)
		w.pushed(1, handoff.Pushed{State: handoff.Failed, Failure: &handoff.Failure{Code: code, Message: "The registry is full."}})
		p.wait().Assert(t, icmd.Expected{ExitCode: code, Err: "The registry is full."})
		assert.Equal(t, w.terminationMessage(), "The registry is full.")
	}
}

func TestE33TheCommandsOwnFailureComesFirstWhateverThePushDid(t *testing.T) {
	for name, verdict := range map[string]handoff.Pushed{
		"pushed":  {State: handoff.OK},
		"skipped": {State: handoff.Skipped, Why: "the command failed"},
		"failed":  {State: handoff.Failed, Failure: &handoff.Failure{Code: 202, Message: "No."}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWrapped(t)
			p := w.start([]string{"--no-wait"}, "sh", "-c", "exit 3")
			assert.Equal(t, w.done(1).ExitCode, 3)
			w.pushed(1, verdict)
			p.wait().Assert(t, icmd.Expected{ExitCode: 3})
			assert.Equal(t, w.terminationMessage(), "")
		})
	}
}

func TestE34TheSidecarLearnsAtOnceThatTheShimWasKilled(t *testing.T) {
	w := newWrapped(t)
	listener := w.sidecar()
	p := w.start([]string{"--no-wait"}, "sleep", "1000")
	conn, _ := greet(t, listener)
	command := w.started()
	p.signal(unix.SIGKILL)
	var reply handoff.Reply
	_, err := conn.Receive(&reply)
	assert.ErrorIs(t, err, io.EOF)
	assert.NilError(t, unix.Kill(command.PID, unix.SIGKILL)) // in a container, the kernel does
}

func TestE36ASidecarThatComesBackWhilePushingIsConnectedTo(t *testing.T) {
	w := newWrapped(t)
	first := w.sidecar()
	p := w.start([]string{"--no-wait", "--sidecar-timeout=1m"}, "true")
	conn, _ := greet(t, first)
	w.done(1)
	w.pushed(1, handoff.Pushed{State: handoff.Pushing})
	assert.NilError(t, conn.Close())
	assert.NilError(t, first.Close())
	_, hello := greet(t, w.sidecar())
	assert.Equal(t, hello.Attempt, 1)
	w.pushed(1, handoff.Pushed{State: handoff.OK})
	p.wait().Assert(t, icmd.Success)
}

func TestASidecarThatNeverComesBackIs203(t *testing.T) {
	w := newWrapped(t)
	listener := w.sidecar()
	p := w.start([]string{"--no-wait", "--sidecar-timeout=300ms"}, "true")
	conn, _ := greet(t, listener)
	w.done(1)
	assert.NilError(t, listener.Close())
	assert.NilError(t, conn.Close())
	p.wait().Assert(t, icmd.Expected{ExitCode: 203, Err: "has not answered"})
	assert.Assert(t, contains(w.terminationMessage(), "waiting for the outputs to be pushed"))
}

func TestE40AHoldBeyondThePushTimeoutIs201(t *testing.T) {
	w := newWrapped(t)
	listener := w.sidecar()
	p := w.start([]string{"--no-wait", "--push-timeout=200ms"}, "true")
	greet(t, listener)
	p.wait().Assert(t, icmd.Expected{ExitCode: 201, Err: "not pushed within 200ms"})
	assert.Assert(t, contains(w.terminationMessage(), "not pushed within 200ms"))
}

func TestE41OneSIGTERMDoesNotEndTheHoldAndTheSecondDoes(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait"}, "true")
	w.done(1)
	p.signal(unix.SIGTERM)
	eventually(t, func() bool { return contains(p.Stderr(), "going on until they are") }, "the first to be heeded")
	assert.Assert(t, !gone(p.pid()))
	p.signal(unix.SIGTERM)
	p.wait().Assert(t, icmd.Expected{ExitCode: 143})
	assert.Equal(t, w.terminationMessage(), "")
}

func TestE41OutputsThatArePushedAfterSIGTERMCount(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait"}, "true")
	w.done(1)
	p.signal(unix.SIGTERM)
	eventually(t, func() bool { return contains(p.Stderr(), "going on until they are") }, "the SIGTERM to be heeded")
	w.pushed(1, handoff.Pushed{State: handoff.OK})
	p.wait().Assert(t, icmd.Success)
}

func TestACommandThatNeverRanIsRecordedAndHoldsNothing(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait"}, "no-such-command")
	p.wait().Assert(t, icmd.Expected{ExitCode: 127})
	done := w.done(1)
	assert.Equal(t, done.ExitCode, 127)
	assert.Assert(t, done.Started.IsZero())
	assert.Assert(t, contains(done.Message, "no-such-command"))
	assert.Assert(t, contains(w.terminationMessage(), "no-such-command"))
}

func TestTheDoneRecordCanGoElsewhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "done")
	icmd.RunCommand("shim", "--no-wait", "--no-hold", "--done-file="+path, "--", "sh", "-c", "exit 4").
		Assert(t, icmd.Expected{ExitCode: 4})
	done, err := handoff.Read[handoff.Done](path)
	assert.NilError(t, err)
	assert.Equal(t, done.ExitCode, 4)
}

func TestRecordsAreReadableForTheSidecarWhateverTheUmask(t *testing.T) {
	w := newWrapped(t)
	script := append([]string{"-c", `umask 077; exec "$@"`, "sh"}, w.args([]string{"--no-wait", "--no-hold"}, "true")...)
	icmd.RunCommand("sh", script...).Assert(t, icmd.Success)
	for path, mode := range map[string]os.FileMode{
		w.dir.Attempt("app", 1): os.ModeDir | 0o755,
		w.dir.Started("app", 1): 0o644,
		w.dir.Done("app", 1):    0o644,
	} {
		info, err := os.Stat(path)
		assert.NilError(t, err)
		assert.Equal(t, info.Mode(), mode)
	}
}
