package process

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// What an application plants on its volume is looked at by the sidecar, which sees more than the application does.
func TestNothingThatIsPlantedOnAVolumeLeadsTheSidecarOutOfIt(t *testing.T) {
	_, registry := startRegistry(t)
	for name, c := range map[string]struct{ plant, below string }{
		"the output is a symlink":         {`ln -s "$SECRET" out`, "out"},
		"it is a relative one":            {`ln -s ../secret out`, "out"},
		"a directory above it is one":     {`ln -s .. up`, "up/secret"},
		"it is a symlink to a file":       {`ln -s ../secret/token out`, "out"},
		"it leads through the process":    {`ln -s "/proc/self/root$SECRET" out`, "out"},
		"a pattern is below a symlink":    {`ln -s ../secret out`, "out/t*"},
		"a pattern is below a symlink up": {`ln -s .. up`, "up/secret/*"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			volume, secret := filepath.Join(root, "volume"), filepath.Join(root, "secret")
			assert.NilError(t, os.Mkdir(volume, 0o700))
			assert.NilError(t, os.Mkdir(secret, 0o700))
			assert.NilError(t, os.WriteFile(filepath.Join(secret, "token"), []byte("s"), 0o600))
			p, repository := newPod(t, registry), repository(t)
			p.step.Outputs = []handoff.Output{{
				Container: "app", Artifact: repository + ":v1", Path: c.below, Mount: volume, Below: c.below, On: handoff.OnAlways,
			}}
			sidecar := p.sidecar(t)
			app := p.app(t, volume, "SECRET="+secret+"; "+c.plant+"; echo planted; exec sleep 300")
			app.awaitOutput(t, "planted")
			p.killAttended(t, sidecar, app)
			sidecar.awaitOutput(t, "The outputs are dealt with.")
			assert.Assert(t, is.Nil(tags(t, registry, repository)))
			assert.Assert(t, is.Contains(p.notices(t)[0].Message, "path "+c.below+" of container app leads out of its volume"))
			pushed, err := handoff.Read[handoff.Pushed](p.run.Pushed("app", 1))
			assert.NilError(t, err)
			assert.Equal(t, pushed.Failure.Code, handoff.ExitRefused)
			sidecar.signal(t, syscall.SIGTERM)
			assert.Equal(t, sidecar.exitCode(t), 0)
		})
	}
}

func TestE74AnOutputThatIsASymlinkWithinItsVolumeIsPushed(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	work := t.TempDir()
	p.step.Outputs = []handoff.Output{
		{Container: "app", Artifact: "linked:v1", Path: "out", Mount: work, Below: "out", On: handoff.OnAlways},
		{Container: "app", Artifact: "linked:pattern", Path: "out/f*", Mount: work, Below: "out/f*", On: handoff.OnAlways},
	}
	sidecar := p.sidecar(t)
	app := p.app(t, work, "mkdir -p runs/3; printf half >runs/3/file; ln -s runs/3 out; echo made; exec sleep 300")
	app.awaitOutput(t, "made")
	p.killAttended(t, sidecar, app)
	sidecar.awaitOutput(t, "The outputs are dealt with.")
	for _, tag := range []string{"v1", "pattern"} {
		taker, data := taker(t, registry, handoff.Input{Artifact: "linked:" + tag})
		taker.sidecar(t)
		app := taker.app(t, data, "cat file")
		assert.Equal(t, app.exitCode(t), 0)
		assert.Equal(t, app.output.String(), "half")
	}
}

// The first attempt gets its input where it should be, and makes of that place a way out for the input of the second.
func TestNoInputIsWrittenOutOfItsVolume(t *testing.T) {
	_, registry := startRegistry(t)
	made(t, registry, "input:v1", "file")
	root := t.TempDir()
	volume, outside := filepath.Join(root, "volume"), filepath.Join(root, "outside")
	assert.NilError(t, os.Mkdir(volume, 0o700))
	assert.NilError(t, os.Mkdir(outside, 0o700))
	p := newPod(t, registry)
	p.step.Inputs = []handoff.Input{{Artifact: "input:v1", Path: "in", Mount: volume, Below: "in"}}
	p.sidecar(t)
	assert.Equal(t, p.app(t, volume, "cat in/file && rm -r in && ln -s ../outside in && exit 1").exitCode(t), 1)
	assert.Equal(t, p.app(t, volume, "true").exitCode(t), handoff.ExitInputs)
	assert.Assert(t, is.Contains(p.terminationMessage(t), "path in leads out of its volume"))
	assert.Assert(t, is.Len(visible(t, outside), 0))
}
