package process

import (
	"net/http"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/test/faults"
)

// E77, and the row "registry unreachable or 5xx/429 on pull".
func TestE77APullOutlastsARegistryThatFailsForAWhile(t *testing.T) {
	registry := newFaulty(t)
	publish(t, registry.direct, "first:v1")
	for name, rule := range map[string]faults.Rule{
		"500":                        {First: 2, Do: faults.Status, Status: http.StatusInternalServerError},
		"503 for manifests":          {Path: manifests, First: 1, Do: faults.Status, Status: http.StatusServiceUnavailable},
		"reset before an answer":     {First: 1, Do: faults.Reset},
		"reset in the middle of it":  {Path: blobs, First: 4, Do: faults.Reset, After: midway},
		"closed in the middle of it": {Path: blobs, First: 4, Do: faults.Cut, After: midway},
		"broken off at once":         {Path: blobs, First: 1, Do: faults.Reset, After: 1},
	} {
		eachWay(t, name, func(t *testing.T, mounted bool) {
			f := registry.beside(t)
			f.rules(t, rule)
			p, data := newTaker(t, f.address, "first:v1", mounted)
			p.sidecar(t)
			assert.Equal(t, p.app(t, t.TempDir(), "true").exitCode(t), 0)
			assertSample(t, data, "first:v1")
			assert.Assert(t, f.fired() > 0)
		})
	}
}

func TestE77ARegistryThatAsksForPatienceGetsIt(t *testing.T) {
	registry := newFaulty(t)
	publish(t, registry.direct, "first:v1")
	for name, tc := range map[string]struct {
		method, path string
		run          func(t *testing.T, registry string)
	}{
		"on pull": {http.MethodGet, blobs, func(t *testing.T, registry string) { assertWhole(t, registry, "first:v1", "first:v1") }},
		"on push": {http.MethodPost, uploads, func(t *testing.T, registry string) { publish(t, registry, "second:v1") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := registry.beside(t)
			f.rules(t, faults.Rule{
				Method: tc.method, Path: tc.path, Nth: 1, Do: faults.Status, Status: http.StatusTooManyRequests,
				Headers: map[string]string{"Retry-After": "1"},
			})
			tc.run(t, f.address)
			asked := f.exchanges(tc.method, tc.path)
			asked = f.exchanges(tc.method, asked[0].Path)
			assert.Equal(t, asked[0].Status, http.StatusTooManyRequests)
			assert.Assert(t, asked[len(asked)-1].Time.Sub(asked[0].Time) >= time.Second)
		})
	}
}

func TestE7AndE77ARegistryThatFailsBeyondThePullTimeoutIs200(t *testing.T) {
	registry := newFaulty(t)
	publish(t, registry.direct, "first:v1")
	gone, err := freeAddress(t.Context())
	assert.NilError(t, err)
	for name, tc := range map[string]struct {
		rule faults.Rule
		want string // in the termination message
	}{
		"nobody listens": {faults.Rule{}, "connection refused"},
		"503 for ever":   {faults.Rule{Do: faults.Status, Status: http.StatusServiceUnavailable}, "503"},
		"429 with a Retry-After beyond it": {faults.Rule{
			Do: faults.Status, Status: http.StatusTooManyRequests, Headers: map[string]string{"Retry-After": "3600"},
		}, "429"},
		"reset for ever":                {faults.Rule{Do: faults.Reset}, "connection reset"},
		"never an answer":               {faults.Rule{Do: faults.Drop}, timedOut},
		"stalls before the content":     {faults.Rule{Path: blobs, Do: faults.Stall}, timedOut},
		"stalls in the middle of it":    {faults.Rule{Path: blobs, Do: faults.Stall, After: midway}, timedOut},
		"breaks off each time, at once": {faults.Rule{Path: blobs, Do: faults.Cut, After: 1}, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, address := registry.beside(t), gone
			if tc.rule.Do != "" {
				f.rules(t, tc.rule)
				address = f.address
			}
			p, data := newTaker(t, address, "first:v1", true)
			p.step.PullTimeout = outlasting(tc.want)
			p.sidecar(t)
			app := p.app(t, t.TempDir(), "echo started")
			assert.Equal(t, app.exitCode(t), handoff.ExitInputs)
			assert.Assert(t, !is.Contains(app.output.String(), "started\n")().Success())
			assert.Assert(t, is.Contains(p.terminationMessage(t), "first:v1"))
			assert.Assert(t, is.Contains(p.terminationMessage(t), tc.want))
			assert.Assert(t, is.Len(visible(t, data), 0))
		})
	}
}

// E77, and the row "input missing, forbidden, digest mismatch".
func TestE77AnInputThatIsNotWhatItShouldBeIs200AndNothingOfItIsSeen(t *testing.T) {
	registry := newFaulty(t)
	publish(t, registry.direct, "first:v1")
	for name, tc := range map[string]struct {
		rule faults.Rule
		want string // in the termination message
	}{
		"forbidden":                  {faults.Rule{Path: manifests, Do: faults.Status, Status: http.StatusForbidden}, "403 Forbidden"},
		"unauthorized":               {faults.Rule{Path: manifests, Do: faults.Status, Status: http.StatusUnauthorized}, "401"},
		"its content forbidden":      {faults.Rule{Path: blobs, Do: faults.Status, Status: http.StatusForbidden}, "403 Forbidden"},
		"wrong digest":               {faults.Rule{Path: blobs, Do: faults.Corrupt, After: midway}, "digest"},
		"wrong digest of every blob": {faults.Rule{Path: blobs, Do: faults.Corrupt}, "digest"},
		"wrong length":               {faults.Rule{Path: blobs, Do: faults.Truncate, After: midway}, "Content-Length"},
		"wrong manifest":             {faults.Rule{Method: http.MethodGet, Path: manifests, Do: faults.Corrupt, After: 9}, "digest"},
		"truncated manifest":         {faults.Rule{Method: http.MethodGet, Path: manifests, Do: faults.Truncate, After: 99}, "digest"},
	} {
		eachWay(t, name, func(t *testing.T, mounted bool) {
			f := registry.beside(t)
			f.rules(t, tc.rule)
			p, data := newTaker(t, f.address, "first:v1", mounted)
			p.sidecar(t)
			app := p.app(t, t.TempDir(), "echo started")
			assert.Equal(t, app.exitCode(t), handoff.ExitInputs)
			assert.Assert(t, !is.Contains(app.output.String(), "started\n")().Success())
			assert.Assert(t, is.Contains(p.terminationMessage(t), "first:v1"))
			assert.Assert(t, is.Contains(p.terminationMessage(t), tc.want))
			assert.Assert(t, is.Len(visible(t, data), 0))
		})
	}
}
