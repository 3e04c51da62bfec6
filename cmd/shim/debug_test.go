package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// debug runs shim status or shim resume where the container's records are.
func (w *wrapped) debug(command string) *icmd.Result {
	return icmd.RunCommand("shim", command, "--run-dir="+string(w.dir))
}

// holds waits until the container's attempt holds at a breakpoint.
func (w *wrapped) holds(where string) {
	w.t.Helper()
	eventually(w.t, func() bool {
		b, err := handoff.Read[handoff.Breakpoint](w.dir.Breakpoint("app", 1))
		return err == nil && b.Where == where
	}, "breakpoint %s", where)
}

func TestABreakpointHoldsUntilResumed(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait", "--no-hold", "--breakpoint=before,after"}, "sh", "-c", "echo ran; exit 3")
	w.holds(handoff.BreakBefore)
	assert.Equal(t, p.Stdout(), "")
	w.debug("status").Assert(t, icmd.Expected{Out: "holds at breakpoint before, go on with: shim resume"})
	w.debug("resume").Assert(t, icmd.Expected{Out: "Container app goes on from breakpoint before.\n"})

	w.holds(handoff.BreakAfter)
	assert.Equal(t, p.Stdout(), "ran\n")
	_, err := os.Stat(w.dir.Done("app", 1))
	assert.ErrorIs(t, err, os.ErrNotExist, "the outputs may still be changed")
	w.debug("status").Assert(t, icmd.Expected{Out: "ended with code 3; holds at breakpoint after"})
	w.debug("resume").Assert(t, icmd.Success)
	p.wait().Assert(t, icmd.Expected{ExitCode: 3})
	w.debug("resume").Assert(t, icmd.Expected{ExitCode: 1, Err: "no shim holds at a breakpoint here"})
}

func TestABreakpointOnFailureHoldsOnlyThen(t *testing.T) {
	w := newWrapped(t)
	w.start([]string{"--no-wait", "--no-hold", "--breakpoint=on-failure"}, "true").wait().Assert(t, icmd.Success)
	v := newWrapped(t)
	p := v.start([]string{"--no-wait", "--no-hold", "--breakpoint=on-failure"}, "false")
	v.holds(handoff.BreakOnFailure)
	v.debug("resume").Assert(t, icmd.Success)
	p.wait().Assert(t, icmd.Expected{ExitCode: 1})
}

func TestTheOrderToStopEndsABreakpoint(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait", "--no-hold", "--breakpoint=before"}, "echo", "ran")
	w.holds(handoff.BreakBefore)
	p.signal(unix.SIGTERM)
	p.wait().Assert(t, icmd.Expected{ExitCode: 143, Err: "holding at a breakpoint"})
	assert.Equal(t, p.Stdout(), "")

	u := newWrapped(t)
	p = u.start([]string{"--no-wait", "--no-hold", "--breakpoint=after"}, "sleep", "1000")
	u.started()
	p.signal(unix.SIGTERM)
	p.wait().Assert(t, icmd.Expected{ExitCode: 143})

	v := newWrapped(t)
	p = v.start([]string{"--no-wait", "--breakpoint=after"}, "true")
	v.holds(handoff.BreakAfter)
	p.signal(unix.SIGQUIT) // which may be the image's own
	assert.Assert(t, v.done(1).Terminating)
	v.pushed(1, handoff.Pushed{State: handoff.OK})
	p.wait().Assert(t, icmd.Success)
}

func TestStatusTellsTheStateInWords(t *testing.T) {
	w := newWrapped(t)
	w.debug("status").Assert(t, icmd.Expected{Out: "Container app: has not started\n  inputs   waiting for the sidecar\n"})
	input := handoff.Artifact{Reference: "r/a:v1", Digest: "sha256:aa", Path: "/data", Files: 2, Bytes: 10}
	w.ready(handoff.Ready{State: handoff.Pulling, Progress: handoff.Progress{Bytes: 5, TotalBytes: 10, Files: 1, TotalFiles: 2}})
	w.debug("status").Assert(t, icmd.Expected{Out: "being pulled: 1 of 2 files, 5 of 10 bytes"})
	w.ready(handoff.Ready{State: handoff.OK, Inputs: []handoff.Artifact{input}})
	p := w.start(nil, "sh", "-c", "sleep 1000; exit 4", "an arg")
	w.started()
	status := w.debug("status").Stdout()
	for _, want := range []string{
		"Container app, attempt 1\n",
		"  inputs   in place\n             r/a:v1@sha256:aa, path \"/data\", files: 2, bytes: 10\n",
		"  command  runs since ", ": sh -c 'sleep 1000; exit 4' 'an arg'\n",
		"  outputs  pushed once the command has ended\n",
	} {
		assert.Assert(t, contains(status, want), "%q is not in\n%s", want, status)
	}
	p.signal(unix.SIGTERM)
	w.done(1)
	w.pushed(1, handoff.Pushed{State: handoff.Skipped, Why: "the command ended with exit code 143"})
	p.wait().Assert(t, icmd.Expected{ExitCode: 143})
	status = w.debug("status").Stdout()
	assert.Assert(t, contains(status, "died of signal 15 after ") && contains(status, "skipped: the command ended with exit code 143"), status)
}

func TestStatusWithoutAHandOffSaysSo(t *testing.T) {
	icmd.RunCommand("shim", "status", "--run-dir=/nowhere").Assert(t, icmd.Expected{ExitCode: 1, Err: "there is no hand-off in /nowhere"})
	icmd.RunCommand("shim", "resume", "extra").Assert(t, icmd.Expected{ExitCode: 1, Err: `unexpected argument "extra"`})
}

func TestADryRunSaysWhatWouldHappenAndDoesNothing(t *testing.T) {
	w := newWrapped(t)
	marker := filepath.Join(t.TempDir(), "ran")
	args := w.args([]string{"--dry-run", "--breakpoint=before", "--empty-dir=/oras/out", "--stdout-to=log.txt"}, "touch", marker, "it's")
	result := icmd.RunCmd(icmd.Cmd{Command: args, Dir: "/"})
	result.Assert(t, icmd.Success)
	for _, want := range []string{
		"/touch\n", "  as       touch " + marker + ` 'it'\''s'` + "\n", "  in       /\n", "waits for " + w.dir.Ready(),
		"holds for a person", "empties /oras/out", "copies the standard output to log.txt", "holds until the outputs are pushed, 1h0m0s at most",
	} {
		assert.Assert(t, contains(result.Stdout(), want), "%q is not in\n%s", want, result.Stdout())
	}
	_, err := os.Stat(marker)
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = os.Stat(w.dir.Attempt("app", 1))
	assert.ErrorIs(t, err, os.ErrNotExist)
	icmd.RunCommand("shim", "--no-wait", "--no-hold", "--dry-run", "--", "no-such-command").
		Assert(t, icmd.Expected{ExitCode: 127, Err: "was not found in PATH"})
	icmd.RunCommand("shim", "--no-wait", "--no-hold", "--dry-run", "--", "/etc/passwd").
		Assert(t, icmd.Expected{ExitCode: 126, Err: "permission denied"})
}
