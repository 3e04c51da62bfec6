package main_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestE1InputsThatAreThereBeforeTheShimDelayNothing(t *testing.T) {
	w := newWrapped(t)
	w.ready(handoff.Ready{State: handoff.OK, Inputs: []handoff.Artifact{{Reference: "registry:5000/a:latest", Digest: "sha256:aa"}}})
	p := w.start([]string{"--no-hold", "--wait-timeout=500ms"}, "sh", "-c", `echo "$ORAS_ARTIFACT_0"`) // half of the poll
	p.wait().Assert(t, icmd.Expected{Out: "registry:5000/a:latest@sha256:aa\n", Err: icmd.None})
}

func TestTheCommandStartsOnlyWhenTheInputsAreInPlace(t *testing.T) {
	w := newWrapped(t)
	listener := w.sidecar()
	w.ready(handoff.Ready{State: handoff.Pulling, Progress: handoff.Progress{Bytes: 5}})
	marker := filepath.Join(t.TempDir(), "ran")
	p := w.start([]string{"--no-hold"}, "touch", marker)
	_, hello := greet(t, listener)
	claim, err := handoff.Read[handoff.Claim](w.dir.Claim("app", 1))
	assert.NilError(t, err)
	assert.DeepEqual(t, hello, handoff.Hello{Version: 1, Container: "app", Attempt: 1, Token: claim.Token})
	_, err = os.Stat(marker)
	assert.ErrorIs(t, err, os.ErrNotExist)
	w.ready(handoff.Ready{State: handoff.OK})
	p.wait().Assert(t, icmd.Success)
	_, err = os.Stat(marker)
	assert.NilError(t, err)
}

func TestInputsThatAreDeliveredThroughTheShimAreWaitedForToo(t *testing.T) {
	w := newWrapped(t)
	listener := w.sidecar()
	target := filepath.Join(t.TempDir(), "data")
	inputs := []handoff.Artifact{{Reference: "r/a:1", Digest: "d"}, {Reference: "r/b:1", Digest: "e", Input: 1}}
	w.ready(handoff.Ready{State: handoff.OK, Deliver: true, Inputs: inputs})
	p := w.start([]string{"--no-hold"}, "sh", "-c", `cat "$1/file"; echo $ORAS_ARTIFACT_1`, "sh", target)
	conn, hello := greet(t, listener)
	deliver(t, conn, target, "delivered ")
	assert.NilError(t, handoff.Write(w.dir.Delivered("app", hello.Attempt), handoff.Ready{State: handoff.OK}))
	p.wait().Assert(t, icmd.Expected{Out: "delivered r/b:1@e\n"})
}

func TestADeliveryThatFailsEndsTheWait(t *testing.T) {
	w := newWrapped(t)
	w.ready(handoff.Ready{State: handoff.OK, Deliver: true})
	failure := &handoff.Failure{Code: 200, Message: "The disk is full."}
	assert.NilError(t, handoff.Write(w.dir.Delivered("app", 1), handoff.Ready{State: handoff.Failed, Failure: failure}))
	w.start(nil, "true").wait().Assert(t, icmd.Expected{ExitCode: 200, Err: "The disk is full."})
}

func TestE3FailedInputsAre200WithTheReasonInTheTerminationMessage(t *testing.T) {
	w := newWrapped(t)
	sentence := "Input step-1:latest is not in registry oras:5000."
	w.ready(handoff.Ready{State: handoff.Failed, Failure: &handoff.Failure{Code: 200, Message: sentence}})
	marker := filepath.Join(t.TempDir(), "ran")
	w.start(nil, "touch", marker).wait().Assert(t, icmd.Expected{ExitCode: 200, Err: sentence})
	assert.Equal(t, w.terminationMessage(), sentence)
	done := w.done(1)
	assert.Equal(t, done.ExitCode, 200)
	assert.Equal(t, done.Message, sentence)
	assert.Assert(t, done.Started.IsZero())
	_, err := os.Stat(marker)
	assert.ErrorIs(t, err, os.ErrNotExist, "the command never runs")
}

func TestE4ASidecarThatNeverComesIs203(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--sidecar-timeout=300ms"}, "true")
	p.wait().Assert(t, icmd.Expected{ExitCode: 203, Err: "has not answered"})
	assert.Assert(t, contains(w.terminationMessage(), "waiting for the inputs"))
}

func TestE5ASidecarThatIsRestartedMidPullIsWaitedFor(t *testing.T) {
	w := newWrapped(t)
	first := w.sidecar()
	p := w.start([]string{"--no-hold", "--sidecar-timeout=1m"}, "echo", "ran")
	conn, _ := greet(t, first)
	assert.NilError(t, conn.Close())
	assert.NilError(t, first.Close())
	_, hello := greet(t, w.sidecar())
	assert.Equal(t, hello.Attempt, 1, "the same attempt goes on")
	w.ready(handoff.Ready{State: handoff.OK})
	p.wait().Assert(t, icmd.Expected{Out: "ran\n"})
}

func TestE7InputsThatComeTooLateAre200(t *testing.T) {
	w := newWrapped(t)
	w.ready(handoff.Ready{State: handoff.Pulling})
	p := w.start([]string{"--wait-timeout=200ms"}, "true")
	p.wait().Assert(t, icmd.Expected{ExitCode: 200, Err: "not in place within 200ms"})
}

func TestE9ARecordThatIsNoneIs204AndNeverHangs(t *testing.T) {
	valid := filepath.Join(t.TempDir(), "ready")
	assert.NilError(t, handoff.Write(valid, handoff.Ready{State: handoff.OK}))
	record, err := os.ReadFile(valid)
	assert.NilError(t, err)
	spaces := bytes.Repeat([]byte(" "), handoff.MaxRecordSize)
	for name, make := range map[string]func(path string) error{
		"half-written":       func(path string) error { return os.WriteFile(path, []byte(`{"version":1,"sta`), 0o600) },
		"oversized":          func(path string) error { return os.WriteFile(path, append(record, spaces...), 0o600) },
		"of a newer version": func(path string) error { return os.WriteFile(path, []byte(`{"version":99}`), 0o600) },
		"a symlink":          func(path string) error { return os.Symlink(valid, path) },
		"a FIFO":             func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a directory":        func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWrapped(t)
			assert.NilError(t, make(w.dir.Ready()))
			w.start(nil, "true").wait().Assert(t, icmd.Expected{ExitCode: 204, Err: "cannot be read"})
		})
	}
}

func TestE10ARecordOfAnEarlierBootIsWaitedPast(t *testing.T) {
	w := newWrapped(t)
	stale := `{"version":1,"bootID":"00000000-0000-0000-0000-000000000000","state":"failed","failure":{"code":200,"message":"stale"}}`
	assert.NilError(t, os.WriteFile(w.dir.Ready(), []byte(stale), 0o600))
	listener := w.sidecar()
	p := w.start([]string{"--no-hold"}, "echo", "ran")
	greet(t, listener)
	w.ready(handoff.Ready{State: handoff.OK})
	p.wait().Assert(t, icmd.Expected{Out: "ran\n"})
}

func TestE10EachRestartIsAnAttemptOfItsOwn(t *testing.T) {
	w := newWrapped(t)
	w.ready(handoff.Ready{State: handoff.OK})
	w.pushed(1, handoff.Pushed{State: handoff.OK})
	w.start(nil, "true").wait().Assert(t, icmd.Success)
	second := w.start(nil, "true")
	w.admitted(2)
	w.done(2)
	w.pushed(2, handoff.Pushed{State: handoff.Failed, Failure: &handoff.Failure{Code: 202, Message: "No."}})
	second.wait().Assert(t, icmd.Expected{ExitCode: 202}) // and not what the first attempt's record says
}

func TestAVolumeThatCannotBeWrittenToIs204(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	assert.NilError(t, os.WriteFile(file, nil, 0o600))
	icmd.RunCommand("shim", "--container=app", "--run-dir="+file, "--", "true").
		Assert(t, icmd.Expected{ExitCode: 204, Err: "The volume of the hand-off cannot be used"})
}

func TestAReadyFileOfAnyNameIsWaitedFor(t *testing.T) {
	w := newWrapped(t)
	path := filepath.Join(t.TempDir(), "later", "go")
	p := w.start([]string{"--no-hold", "--ready-file=" + path}, "echo", "ran")
	assert.NilError(t, handoff.Write(path, handoff.Ready{State: handoff.OK}))
	p.wait().Assert(t, icmd.Expected{Out: "ran\n"})
}

// deliver writes one file through the shim, as the sidecar would.
func deliver(t *testing.T, conn *handoff.Conn, target, text string) {
	t.Helper()
	ask(t, conn, handoff.Request{Op: handoff.OpBegin, Path: target})
	files := ask(t, conn, handoff.Request{Op: handoff.OpCreate, Entries: []tree.Entry{{Path: "file", Type: tree.File, Mode: 0o644}}})
	_, err := io.WriteString(files[0], text)
	assert.NilError(t, err)
	handoff.CloseAll(files)
	ask(t, conn, handoff.Request{Op: handoff.OpCommit})
}

// ask sends a request and returns the files of its one reply.
func ask(t *testing.T, conn *handoff.Conn, req handoff.Request) []*os.File {
	t.Helper()
	assert.NilError(t, conn.Send(req))
	var reply handoff.Reply
	files, err := conn.Receive(&reply)
	assert.NilError(t, err)
	assert.Assert(t, reply.Error == nil && len(reply.Errors) == 0, "%+v", reply)
	return files
}
