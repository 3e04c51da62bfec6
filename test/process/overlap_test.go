package process

import (
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestE73OutputsThatOverlapArePushedWholeEach(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	for artifact, path := range map[string]string{"all:v1": "out", "part:v1": "out/part", "file:v1": "out/part/f", "match:v1": "out/p*"} {
		p.step.Outputs = append(p.step.Outputs, handoff.Output{Container: "app", Artifact: artifact, Path: path})
	}
	p.sidecar(t)
	assert.Equal(t, p.app(t, t.TempDir(), "mkdir -p out/part out/other && echo f > out/part/f && echo g > out/other/g").exitCode(t), 0)
	for artifact, want := range map[string]string{
		"all:v1": "./other/g\n./part/f\n", "part:v1": "./f\n", "file:v1": "./f\n", "match:v1": "./part/f\n",
	} {
		taker, data := taker(t, registry, handoff.Input{Artifact: artifact})
		taker.sidecar(t)
		app := taker.app(t, data, "find . -type f | LC_ALL=C sort")
		assert.Equal(t, app.exitCode(t), 0)
		assert.Equal(t, app.output.String(), want, artifact)
	}
}

func TestE75OfInputsThatOverlapTheLaterWinsFileByFile(t *testing.T) {
	_, registry := startRegistry(t)
	for artifact, script := range map[string]string{
		"first:v1":  "mkdir -p out/d && for f in one both d/one d/both; do echo first > out/$f; done && ln -s nowhere out/link",
		"second:v1": "mkdir -p out/d && for f in two both d/two d/both link; do echo second > out/$f; done",
		"inner:v1":  "mkdir out && echo inner > out/both && echo inner > out/three",
	} {
		p := newPod(t, registry)
		p.step.Outputs = []handoff.Output{{Container: "app", Artifact: artifact, Path: "out"}}
		p.sidecar(t)
		assert.Equal(t, p.app(t, t.TempDir(), script).exitCode(t), 0)
	}
	eachWay(t, "written", func(t *testing.T, mounted bool) {
		p, data := newTaker(t, registry, "first:v1", mounted)
		for _, in := range []handoff.Input{{Artifact: "second:v1", Path: data}, {Artifact: "inner:v1", Path: filepath.Join(data, "d")}} {
			if mounted {
				in.Mount = in.Path
			}
			p.step.Inputs = append(p.step.Inputs, in)
		}
		sidecar := p.sidecar(t)
		app := p.app(t, data, "grep -r . . | LC_ALL=C sort")
		assert.Equal(t, app.exitCode(t), 0)
		assert.Equal(t, app.output.String(), "./both:second\n./d/both:inner\n./d/one:first\n./d/three:inner\n./d/two:second\n"+
			"./link:second\n./one:first\n./two:second\n")
		sidecar.awaitOutputs(t, "An input goes where an earlier one is.", 2)
		for _, line := range []string{"/second:v1@sha256:", "/inner:v1@sha256:"} {
			assert.Assert(t, is.Regexp(`An input goes where an earlier one is\. .*`+line+`.*earlier=\S*/first:v1@sha256:`, sidecar.output.String()))
		}
	})
}
