package shim

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestOutcomeOfCommandAndPush(t *testing.T) {
	refused := &handoff.Failure{Code: handoff.ExitRefused, Message: "The registry refused step-1: denied."}
	gone := endf(handoff.ExitSidecarGone, "The sidecar is gone.")
	tests := map[string]struct {
		code   int
		pushed handoff.Pushed
		err    error
		want   ending
	}{
		"E31 zero and pushed":                 {0, handoff.Pushed{State: handoff.OK}, nil, ending{}},
		"zero and nothing to push":            {0, handoff.Pushed{State: handoff.Skipped, Why: "no outputs"}, nil, ending{}},
		"E32 zero and refused":                {0, handoff.Pushed{State: handoff.Failed, Failure: refused}, nil, ending{code: 202, message: refused.Message}},
		"E33 non-zero and pushed":             {3, handoff.Pushed{State: handoff.OK}, nil, ending{code: 3}},
		"E33 non-zero and refused":            {3, handoff.Pushed{State: handoff.Failed, Failure: refused}, nil, ending{code: 3}},
		"E33 non-zero and the sidecar gone":   {137, handoff.Pushed{}, gone, ending{code: 137}},
		"zero and the sidecar gone":           {0, handoff.Pushed{}, gone, *gone},
		"zero and told twice to end":          {0, handoff.Pushed{}, stopped(unix.SIGTERM, "holding"), *stopped(unix.SIGTERM, "holding")},
		"E28 200 of its own is not explained": {200, handoff.Pushed{State: handoff.OK}, nil, ending{code: 200}},
		"an error that nobody foresaw":        {0, handoff.Pushed{}, errors.New("strange"), ending{code: 204, message: "The hand-off broke: strange."}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, *outcome(test.code, test.pushed, test.err), test.want)
		})
	}
}

func TestAFailureOfTheSidecarNeverBecomesSuccessOrACodeOfTheCommand(t *testing.T) {
	assert.Equal(t, failed(nil, handoff.ExitOutputs).code, handoff.ExitOutputs)
	for _, code := range []int{-1, 0, 1, 143, 199, 205} {
		assert.Equal(t, failed(&handoff.Failure{Code: code}, handoff.ExitOutputs).code, handoff.ExitOutputs)
	}
	for code := handoff.ExitInputs; code <= handoff.ExitConfig; code++ {
		assert.Equal(t, failed(&handoff.Failure{Code: code}, handoff.ExitOutputs).code, code)
	}
}

func TestE41OnlyTheSecondSIGTERMEndsTheHold(t *testing.T) {
	l := &life{opts: Options{StopSignal: StopSignal(unix.SIGTERM)}, log: newLogger(LogOptions{}, t.Output())}
	heed := l.heedAfter(&stall{})
	assert.NilError(t, heed(unix.SIGTERM))
	assert.NilError(t, heed(unix.SIGINT))
	assert.NilError(t, heed(unix.SIGHUP))
	end := asEnding(heed(unix.SIGTERM))
	assert.Equal(t, end.code, 143)
}

// The sidecar may be pushing for the shim that was killed before.
func TestAHoldSeesTheProgressOfAPushOfTheSameOutputs(t *testing.T) {
	l := &life{opts: Options{Container: "app", RunDir: handoff.Dir(t.TempDir())}, attempt: 3}
	going := handoff.Pushed{State: handoff.Pushing, Progress: handoff.Progress{Work: 5}}
	assert.NilError(t, handoff.Write(l.opts.RunDir.Pushed("app", 1), going))
	assert.NilError(t, handoff.Write(l.opts.RunDir.Pushed("app", 2), handoff.Pushed{State: handoff.Failed}))
	assert.Equal(t, l.progressSince(1), going.Progress)
	assert.Equal(t, l.progressSince(2), handoff.Progress{})
	assert.Equal(t, l.progressSince(0), handoff.Progress{}, "it has outputs of its own")
}

// The image's own stop signal, which the shim is not told, is the order to stop too once there is no command.
func TestE23AnyStopSignalEndsTheHoldWhenItComesTwiceAndBoundsItBefore(t *testing.T) {
	l := &life{opts: Options{StopSignal: StopSignal(unix.SIGTERM)}, log: newLogger(LogOptions{}, t.Output())}
	stall := &stall{}
	heed := l.heedAfter(stall)
	assert.NilError(t, heed(unix.SIGWINCH))
	assert.Assert(t, !stall.matters.Load())
	assert.NilError(t, heed(unix.SIGQUIT))
	assert.Assert(t, stall.matters.Load())
	assert.Equal(t, asEnding(heed(unix.SIGQUIT)).code, 131)
}

func TestE40HoldOutlastsThePushTimeoutALittle(t *testing.T) {
	assert.Equal(t, holdTimeout(10*time.Second), 11*time.Second)
	assert.Equal(t, holdTimeout(time.Hour), time.Hour+time.Minute)
}

func TestOnlyCodesThatNeedExplainingReachTheTerminationMessage(t *testing.T) {
	explained := map[int]bool{126: true, 127: true, 200: true, 201: true, 202: true, 203: true, 204: true}
	for code := range 256 {
		assert.Equal(t, (&ending{code: code}).explained(), explained[code], "code %d", code)
	}
}
