package sidecar

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// attemptOf is an attempt of a step without inputs and outputs.
func attemptOf(t *testing.T, number int) *attempt {
	t.Helper()
	s := New(handoff.Step{RunDir: handoff.Dir(t.TempDir()), Containers: []string{"app"}}, quiet(), handoff.NewNoticeFile(""))
	return &attempt{Sidecar: s, container: "app", number: number, log: quiet()}
}

// The shim may be killed between its outputs' last request and the record of them.
func TestAPushThatWasDoneWhenTheShimWasGoneIsRecorded(t *testing.T) {
	a := attemptOf(t, 1)
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errShimGone)
	assert.NilError(t, a.finish(gone, handoff.Done{}))
	pushed, known := a.pushed("app", 1)
	assert.Assert(t, known)
	assert.Equal(t, pushed.State, handoff.Skipped)
}

func TestE46AnAttemptThatOnlyPushesTakesTheVerdictOnAnyThatStoodForTheSame(t *testing.T) {
	for dealtWith, want := range map[int]bool{1: false, 2: true, 3: true, 4: true, 5: false} {
		a := attemptOf(t, 5)
		for n := 1; n <= 5; n++ {
			assert.NilError(t, handoff.Write(a.step.RunDir.Done("app", n), handoff.Done{}))
			state := handoff.Failed
			if n == dealtWith {
				state = handoff.OK
			}
			assert.NilError(t, a.write("app", n, handoff.Pushed{State: state}))
		}
		_, stands := a.stoodFor(handoff.Done{RanAs: 2})
		assert.Equal(t, stands, want, "what attempt 2 has made was dealt with by attempt %d", dealtWith)
	}
}

// A first attempt reads the pod's verdict itself. When that is taken back before it does, it waits for the next.
func TestAFirstAttemptThatHasNotReadAVerdictWaitsForTheNext(t *testing.T) {
	a := attemptOf(t, 1)
	a.inputs.settle(handoff.Ready{State: handoff.Failed})
	admitted := make(chan error, 1)
	go func() { admitted <- a.admit(t.Context()) }()
	time.Sleep(20 * time.Millisecond) // that it sees the first is what this is about
	assert.NilError(t, a.appeal())
	a.inputs.settle(handoff.Ready{State: handoff.OK, Deliver: true})
	assert.NilError(t, <-admitted)
	_, err := handoff.Read[handoff.Ready](a.step.RunDir.Delivered("app", 1))
	assert.NilError(t, err)
}

func TestAFirstAttemptThatEndsByAFailedVerdictIsAdmittedNoLonger(t *testing.T) {
	a := attemptOf(t, 1)
	a.inputs.settle(handoff.Ready{State: handoff.Failed})
	admitted := make(chan error, 1)
	go func() { admitted <- a.admit(t.Context()) }()
	select {
	case err := <-admitted:
		t.Fatalf("it may not have read the verdict: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	assert.NilError(t, handoff.Write(a.step.RunDir.Done("app", 1), handoff.Done{ExitCode: handoff.ExitInputs}))
	assert.NilError(t, <-admitted)
}

func TestWhetherAnOutputMayLieWhereAnInputDoes(t *testing.T) {
	for out, want := range map[string]bool{
		"/data":             true,
		"/data/out":         true,
		"/":                 true,
		"/data/{attempt}/x": true,
		"/d*/x":             true,
		"out":               true, // wherever the working directory is
		"/database":         false,
		"/results":          false,
		"/results/*.txt":    false,
	} {
		assert.Equal(t, mayOverlap("/data", out), want, out)
	}
}

func TestAnAttemptIsNotBuriedWhenALaterOneStandsForIt(t *testing.T) {
	a := attemptOf(t, 5)
	for n, ranAs := range map[int]int{1: 0, 2: 0, 3: 2, 4: 2} {
		assert.NilError(t, handoff.Write(a.step.RunDir.Done("app", n), handoff.Done{Started: time.Unix(1, 0), RanAs: ranAs}))
	}
	a.buryBefore("app", 5)
	for n, want := range map[int]bool{1: true, 2: false, 3: false, 4: true} {
		_, known := a.pushed("app", n)
		assert.Equal(t, known, want, "attempt %d", n)
	}
}

func TestWhatIsThereIsLookedForWhereThePlaceholdersOfAnInputLead(t *testing.T) {
	volume := t.TempDir()
	in := handoff.Input{Artifact: "in", Path: "/data/{pod}", Mount: volume, Below: "{pod}"}
	s := New(handoff.Step{Inputs: []handoff.Input{in}, Pod: handoff.PodIdentity{Name: "me"}}, quiet(), nil)
	art := handoff.Artifact{Reference: "registry/in:latest", Path: "/data/me"}
	assert.Assert(t, s.isEmpty(art))
	assert.NilError(t, os.MkdirAll(filepath.Join(volume, "me", "file"), 0o700))
	assert.Assert(t, !s.isEmpty(art))
}
