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

// counter is a command that notes each of its runs in the directory out, beside what it makes there.
const counter = `echo run >>"$1/runs"`

func runs(t *testing.T, out string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(out, "runs"))
	assert.NilError(t, err)
	return string(text)
}

func TestE46AfterAFailedPushTheNextAttemptOnlyPushes(t *testing.T) {
	w := newWrapped(t)
	out := t.TempDir()
	flags := []string{"--restart-policy=OnFailure", "--durable-output=" + out, "--empty-dir=" + out}
	w.ready(handoff.Ready{State: handoff.OK})
	first := w.start(flags, "sh", "-c", counter, "sh", out)
	w.done(1)
	w.pushed(1, handoff.Pushed{State: handoff.Failed, Failure: &handoff.Failure{Code: 201, Message: "The registry is gone."}})
	first.wait().Assert(t, icmd.Expected{ExitCode: 201})

	listener := w.sidecar()
	second := w.start(flags, "sh", "-c", counter, "sh", out)
	done := w.done(2)
	assert.Equal(t, done.RanAs, 1)
	assert.Equal(t, done.ExitCode, 0)
	_, hello := greet(t, listener)
	assert.Equal(t, hello.Attempt, 2)
	w.pushed(2, handoff.Pushed{State: handoff.Failed, Failure: &handoff.Failure{Code: 201, Message: "Still gone."}})
	second.wait().Assert(t, icmd.Expected{ExitCode: 201})

	third := w.start(flags, "sh", "-c", counter, "sh", out)
	assert.Equal(t, w.done(3).RanAs, 1, "and not 2, which ran nothing")
	w.pushed(3, handoff.Pushed{State: handoff.OK})
	third.wait().Assert(t, icmd.Success)
	assert.Equal(t, runs(t, out), "run\n")
}

func TestE46OutputsThatWereChangedAreMadeAgain(t *testing.T) {
	w := newWrapped(t)
	out := t.TempDir()
	flags := []string{"--restart-policy=OnFailure", "--durable-output=" + out}
	w.ready(handoff.Ready{State: handoff.OK})
	first := w.start(flags, "sh", "-c", counter, "sh", out)
	w.done(1)
	w.pushed(1, handoff.Pushed{State: handoff.Failed, Failure: &handoff.Failure{Code: 201, Message: "No."}})
	first.wait().Assert(t, icmd.Expected{ExitCode: 201})
	assert.NilError(t, os.WriteFile(filepath.Join(out, "more"), nil, 0o600))

	second := w.start(flags, "sh", "-c", counter, "sh", out)
	w.admitted(2)
	assert.Equal(t, w.done(2).RanAs, 0)
	w.pushed(2, handoff.Pushed{State: handoff.OK})
	second.wait().Assert(t, icmd.Success)
	assert.Equal(t, runs(t, out), "run\nrun\n")
}

// A node that was rebooted starts containers that had ended, too.
func TestACommandThatHasEndedIsNotRunTwiceInOnePod(t *testing.T) {
	for name, c := range map[string]struct {
		policy string
		code   int
	}{
		"success": {"OnFailure", 0},
		"failure": {"Never", 5},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWrapped(t)
			out := t.TempDir()
			w.ready(handoff.Ready{State: handoff.OK})
			w.pushed(1, handoff.Pushed{State: handoff.OK})
			script := counter + "; exit " + string(rune('0'+c.code))
			for range 3 {
				w.start([]string{"--restart-policy=" + c.policy}, "sh", "-c", script, "sh", out).wait().
					Assert(t, icmd.Expected{ExitCode: c.code})
			}
			assert.Equal(t, runs(t, out), "run\n")
			_, err := os.Stat(w.dir.Attempt("app", 2))
			assert.ErrorIs(t, err, os.ErrNotExist)
		})
	}
}

func TestAnAttemptAfterTheFirstWaitsForItsOwnVerdict(t *testing.T) {
	w := newWrapped(t)
	w.ready(handoff.Ready{State: handoff.Failed, Failure: &handoff.Failure{Code: 200, Message: "Not yet."}})
	w.start([]string{"--no-hold"}, "echo", "ran").wait().Assert(t, icmd.Expected{ExitCode: 200})
	second := w.start([]string{"--no-hold"}, "echo", "ran")
	eventually(t, func() bool { _, err := os.Stat(w.dir.Attempt("app", 2)); return err == nil }, "the second attempt")
	w.ready(handoff.Ready{State: handoff.OK})
	w.admitted(2)
	second.wait().Assert(t, icmd.Expected{Out: "ran\n"})
}

func TestAPushThatGetsNowhereIsGivenUpOnceTheContainerWasToldToStop(t *testing.T) {
	for name, stop := range map[string]func(*wrapped, *process){
		"while the command runs": func(_ *wrapped, p *process) {
			p.prints("up")
			p.signal(unix.SIGTERM)
		},
		"while holding": func(w *wrapped, p *process) {
			w.done(1)
			p.signal(unix.SIGTERM)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWrapped(t)
			script := "true"
			if name == "while the command runs" {
				script = `trap "exit 0" TERM; echo up; while :; do sleep 0.01; done`
			}
			p := w.start([]string{"--no-wait", "--stall-timeout=300ms"}, "sh", "-c", script)
			w.pushed(1, handoff.Pushed{State: handoff.Pushing, Progress: handoff.Progress{Bytes: 1}})
			stop(w, p)
			p.wait().Assert(t, icmd.Expected{ExitCode: 201, Err: "nothing of its outputs was pushed for 300ms"})
		})
	}
}
