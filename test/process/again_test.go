package process

import (
	"net/http"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/test/faults"
)

// E46, and of the faults in test/README.md those that kill the shim, the node or containerd's shim: what a command has made
// may be pushed by its own attempt, by the sidecar once its shim is gone, and by the next attempt. Who comes late must not
// make another artifact of it.
func TestE46WhoeverPushesWhatACommandHasMadeTheTagMovesOnce(t *testing.T) {
	registry := newFaulty(t)
	type parts struct{ sidecar, app *process }
	killBoth := func(t *testing.T, running parts) {
		running.app.kill(t)
		running.sidecar.kill(t)
	}
	for point, rule := range map[string]faults.Rule{
		"in the middle of content":            {Method: http.MethodPut, Path: uploads, Direction: faults.Request, After: midway},
		"before the tag moves":                {Method: http.MethodPut, Path: manifests, Direction: faults.Request},
		"after the tag moved, not knowing it": {Method: http.MethodPut, Path: manifests},
	} {
		for who, kill := range map[string]func(t *testing.T, p *pod, running parts){
			"the shim": func(t *testing.T, _ *pod, running parts) { running.app.kill(t) },
			"the pod": func(t *testing.T, p *pod, running parts) {
				killBoth(t, running)
				p.sidecar(t)
			},
			"the node": func(t *testing.T, p *pod, running parts) {
				killBoth(t, running)
				p.reboot(t)
				p.sidecar(t)
			},
		} {
			for where, mounted := range map[string]bool{"within reach of the sidecar": true, "out of its reach": false} {
				t.Run(who+" is killed "+point+" "+where, func(t *testing.T) {
					t.Parallel()
					f := registry.beside(t)
					f.hold(t, rule)
					out := repository(t) + ":v1"
					p, work := newMaker(t, f.address, out)
					if mounted {
						p.step.Outputs[0].Mount = work
					}
					p.shim = []string{"--restart-policy=OnFailure", "--durable-output=" + work}
					running := parts{p.sidecar(t), p.app(t, work, "true")}
					f.awaitFired(t, "hold")
					kill(t, p, running)
					again := p.app(t, work, "exit 1")
					_, err := handoff.Await(patient(t), p.run, p.run.Done("app", 2), func(done handoff.Done) bool { return done.RanAs == 1 })
					assert.NilError(t, err)
					assert.NilError(t, f.SetRules())
					assert.Equal(t, again.exitCode(t), 0)
					assertWhole(t, f.direct, out, out)
					for _, x := range f.exchanges(http.MethodPut, manifests) {
						assert.Assert(t, x.Digest == "" || x.Digest == digest(t, f.direct, repository(t)), "%+v", x)
					}
				})
			}
		}
	}
}

// stallTimeout is how long a push may get nowhere in a pod that must go; this one need not.
const stallTimeout = 30 * time.Second

func TestTheNextAttemptDoesNotCutShortWhatIsPushedForTheOneBefore(t *testing.T) {
	t.Parallel()
	server, registry := startRegistry(t)
	p, work := newMaker(t, registry, "out:v1")
	p.step.Outputs[0].Mount = work
	p.shim = []string{"--restart-policy=OnFailure", "--durable-output=" + work}
	sidecar := p.sidecar(t)
	sidecar.awaitOutput(t, "The inputs are dealt with.")
	server.kill(t)
	app := p.app(t, work, "true")
	sidecar.awaitOutput(t, "The command has ended.")
	app.kill(t)
	sidecar.awaitOutput(t, "A shim was killed")
	again := p.app(t, work, "exit 1")
	_, err := handoff.Await(patient(t), p.run, p.run.Done("app", 2), func(done handoff.Done) bool { return done.RanAs == 1 })
	assert.NilError(t, err)
	time.Sleep(stallTimeout + 5*time.Second)
	startRegistryAt(t, registry, server.dir)
	assert.Equal(t, again.exitCode(t), 0)
	pushed, err := handoff.Read[handoff.Pushed](p.run.Pushed("app", 1))
	assert.NilError(t, err)
	assert.Equal(t, pushed.State, handoff.OK, "%v", pushed.Failure)
}
