package process

import (
	"net/http"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/test/faults"
)

// E77. What the registry did though nobody heard of it is not undone by being done again.
func TestE77APushOutlastsARegistryThatFailsForAWhile(t *testing.T) {
	registry := newFaulty(t)
	for name, rule := range map[string]faults.Rule{
		"500":                            {First: 2, Do: faults.Status, Status: http.StatusInternalServerError},
		"reset in the middle of content": {Method: http.MethodPut, Path: uploads, First: 4, Direction: faults.Request, Do: faults.Reset, After: midway},
		"closed in the middle of it":     {Method: http.MethodPut, Path: uploads, First: 4, Direction: faults.Request, Do: faults.Cut, After: midway},
		"500 in the middle of it":        {Method: http.MethodPut, Path: uploads, First: 4, Do: faults.Status, Status: http.StatusInternalServerError, After: midway},
		"no answer to content":           {Method: http.MethodPut, Path: uploads, First: 1, Do: faults.Reset},
		"no answer to the manifest":      {Method: http.MethodPut, Path: manifests, First: 1, Do: faults.Reset},
		"500 for a manifest that is there": {
			Method: http.MethodPut, Path: manifests, First: 1, Direction: faults.Response, Do: faults.Status, Status: http.StatusInternalServerError,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := registry.beside(t)
			f.rules(t, rule)
			out := repository(t) + ":v1"
			p, work := newMaker(t, f.address, out)
			p.sidecar(t)
			assert.Equal(t, p.app(t, work, "true").exitCode(t), 0)
			assert.Assert(t, f.fired() > 0)
			assertWhole(t, f.direct, out, out)
		})
	}
}

// E77, and the row "push fails for good".
func TestE77APushThatIsRefusedForGoodIs202(t *testing.T) {
	registry := newFaulty(t)
	for name, rule := range map[string]faults.Rule{
		"401 for everything":             {Do: faults.Status, Status: http.StatusUnauthorized},
		"403 for uploads":                {Method: http.MethodPost, Path: uploads, Do: faults.Status, Status: http.StatusForbidden},
		"403 for the manifest":           {Method: http.MethodPut, Path: manifests, Do: faults.Status, Status: http.StatusForbidden},
		"413 for content":                {Method: http.MethodPut, Path: uploads, Do: faults.Status, Status: http.StatusRequestEntityTooLarge},
		"507 for content":                {Method: http.MethodPut, Path: uploads, Do: faults.Status, Status: http.StatusInsufficientStorage},
		"507 for the start of an upload": {Method: http.MethodPost, Path: uploads, Do: faults.Status, Status: http.StatusInsufficientStorage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := registry.beside(t)
			f.rules(t, rule)
			out := repository(t) + ":v1"
			p, work := newMaker(t, f.address, out)
			p.sidecar(t)
			assert.Equal(t, p.app(t, work, "true").exitCode(t), handoff.ExitRefused)
			message := p.terminationMessage(t)
			assert.Assert(t, is.Contains(message, out))
			assert.Assert(t, is.Contains(message, http.StatusText(rule.Status)))
			assert.Equal(t, digest(t, f.direct, repository(t)), "")
		})
	}
}

func TestE77ContentThatIsAnotherOnArrivalIsNeverTagged(t *testing.T) {
	f := newFaulty(t)
	f.rules(t, faults.Rule{Method: http.MethodPut, Path: uploads, Direction: faults.Request, Do: faults.Corrupt, After: midway})
	p, work := newMaker(t, f.address, "out:v1")
	p.sidecar(t)
	assert.Equal(t, p.app(t, work, "true").exitCode(t), handoff.ExitRefused)
	assert.Assert(t, is.Contains(p.terminationMessage(t), "digest"))
	assert.Equal(t, digest(t, f.direct, "out"), "")
}

// The row "push fails after retries". A stall is told from slowness by the timeout alone.
func TestE32ARegistryThatFailsBeyondThePushTimeoutIs201(t *testing.T) {
	registry := newFaulty(t)
	for name, tc := range map[string]struct {
		rule faults.Rule
		want string // in the termination message
	}{
		"500 for ever":   {faults.Rule{Do: faults.Status, Status: http.StatusInternalServerError}, "500 Internal Server Error"},
		"reset for ever": {faults.Rule{Method: http.MethodPut, Path: manifests, Direction: faults.Request, Do: faults.Reset}, "connection reset"},
		"stalls in the middle of content": {
			faults.Rule{Method: http.MethodPut, Path: uploads, Direction: faults.Request, Do: faults.Stall, After: midway}, timedOut,
		},
		"never answers": {faults.Rule{Method: http.MethodPost, Do: faults.Drop}, timedOut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := registry.beside(t)
			f.rules(t, tc.rule)
			out := repository(t) + ":v1"
			p, work := newMaker(t, f.address, out)
			p.step.PushTimeout = outlasting(tc.want)
			p.sidecar(t)
			assert.Equal(t, p.app(t, work, "true").exitCode(t), handoff.ExitOutputs)
			message := p.terminationMessage(t)
			assert.Assert(t, is.Contains(message, out))
			assert.Assert(t, is.Contains(message, tc.want))
			assert.Equal(t, digest(t, f.direct, repository(t)), "")
		})
	}
}

// E33: the command's own failure comes first, also where nothing can be pushed.
func TestE33ACommandThatFailsKeepsItsCodeWhateverTheRegistryDoes(t *testing.T) {
	f := newFaulty(t)
	f.rules(t, faults.Rule{Do: faults.Status, Status: http.StatusForbidden})
	p, work := newMaker(t, f.address, "out:v1")
	p.step.Outputs[0].On = handoff.OnAlways
	p.sidecar(t)
	assert.Equal(t, p.app(t, work, "exit 7").exitCode(t), 7)
}
