package process

import (
	"fmt"
	"net/http"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/test/faults"
)

// E79, and the row "registry restarted mid-transfer". The proxy passes on that the registry is gone.
func TestE79ARegistryThatIsKilledInTheMiddleOfATransferFailsNoStep(t *testing.T) {
	for name, rule := range map[string]faults.Rule{
		"pulling":        {Path: blobs, After: midway},
		"pushing":        {Method: http.MethodPut, Path: uploads, Direction: faults.Request, After: midway},
		"moving the tag": {Method: http.MethodPut, Path: manifests, Direction: faults.Request},
	} {
		eachWay(t, name, func(t *testing.T, mounted bool) {
			f := newFaulty(t)
			publish(t, f.direct, "first:v1")
			f.hold(t, rule)
			p, dir := newTaker(t, f.address, "first:v1", mounted)
			p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "second:v1", Path: dir}}
			p.sidecar(t)
			app := p.app(t, t.TempDir(), "find "+dir+" -type f -exec touch {} +") // else the registry has the content already
			f.awaitFired(t, "hold")
			f.server.kill(t)
			f.rules(t) // so that the client, too, learns of it
			f.server = startRegistryAt(t, f.direct, f.root)
			assert.Equal(t, app.exitCode(t), 0)
			assertSample(t, dir, "first:v1")
			assertWhole(t, f.direct, "second:v1", "first:v1")
		})
	}
}

// E81, and the row "two pods push the same tag". The proxy says who is last.
func TestE81OfTwoPodsThatPushOneTagTheLastWinsWhole(t *testing.T) {
	f := newFaulty(t)
	tag := faults.Rule{Method: http.MethodPut, Path: manifests + "v1$", Direction: faults.Request, Do: faults.Stall, First: 1}
	early, late := tag, tag
	early.Name, late.Name = "early", "late"
	f.rules(t, early, late)

	apps := map[string]*process{}
	for _, rule := range []string{"early", "late"} {
		p, work := newMaker(t, f.address, "one:v1")
		writeSample(t, work, rule)
		p.sidecar(t)
		apps[rule] = p.app(t, work, "true")
		f.awaitFired(t, rule)
	}
	digests := map[string]string{}
	for _, rule := range []string{"late", "early"} {
		assert.Assert(t, f.RemoveRule(rule))
		assert.Equal(t, apps[rule].exitCode(t), 0)
		digests[rule] = digest(t, f.direct, "one")
		assertWhole(t, f.direct, "one:v1", rule)
	}
	assert.Assert(t, digests["late"] != digests["early"])
	for rule, sum := range digests {
		assertWhole(t, f.direct, "one@"+sum, rule)
	}
}

// E47 without a cluster.
func TestE47FiftyStepsAtOnceAllEndWell(t *testing.T) {
	const many = 50
	_, registry := startRegistry(t)
	pods, apps := make([]*pod, many), make([]*process, many)
	for i := range many {
		pods[i] = newPod(t, registry)
		pods[i].step.Outputs = []handoff.Output{{Container: "app", Artifact: fmt.Sprintf("sweep/point-%d:v1", i), Path: "out"}}
	}
	for i, p := range pods {
		apps[i] = p.app(t, t.TempDir(), fmt.Sprintf("mkdir out && echo %d > out/point", i))
		p.sidecar(t)
	}
	for i, app := range apps {
		assert.Check(t, is.Equal(app.exitCode(t), 0), "step %d", i)
		assert.Check(t, digest(t, registry, fmt.Sprintf("sweep/point-%d", i)) != "", "step %d", i)
	}
}
