package process

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// The node is restarted when the command has ended and nothing was pushed yet. Its output lies where its input was: pulling
// that again would undo it.
func TestAfterARebootWhatTheCommandMadeIsPushedAndNotWhatItWasMadeOf(t *testing.T) {
	server, registry := startRegistry(t)
	made(t, registry, "raw:v1", "file")
	p, data := taker(t, registry, handoff.Input{Artifact: "raw:v1"})
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "cooked:v1", Path: data}}
	p.shim = []string{"--restart-policy=Never", "--durable-output=" + data}
	const command = `printf " cooked" >>file; echo started; until [ -e gone ]; do sleep 0.05; done`
	sidecar := p.sidecar(t)
	app := p.app(t, data, command)
	app.awaitOutput(t, "started")
	server.signal(t, syscall.SIGKILL)
	server.exitCode(t)
	assert.NilError(t, os.WriteFile(filepath.Join(data, "gone"), nil, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := handoff.Await(ctx, p.run, p.run.Done("app", 1), func(handoff.Done) bool { return true })
	assert.NilError(t, err)
	for _, process := range []*process{app, sidecar} {
		process.signal(t, syscall.SIGKILL)
		process.exitCode(t)
	}
	p.reboot(t)

	startRegistryAt(t, registry, server.dir)
	p.sidecar(t)
	assert.Equal(t, p.app(t, data, command).exitCode(t), 0)
	next, pulled := taker(t, registry, handoff.Input{Artifact: "cooked:v1"})
	next.sidecar(t)
	reader := next.app(t, pulled, "cat file")
	assert.Equal(t, reader.exitCode(t), 0)
	assert.Equal(t, reader.output.String(), "file cooked", "and not cooked twice")
}

// The volume of the inputs was in memory. One container has run before, the other one has not.
func TestAfterARebootEachOfSeveralContainersHasItsInputs(t *testing.T) {
	_, registry := startRegistry(t)
	made(t, registry, "input:v1", "file")
	p, data := taker(t, registry, handoff.Input{Artifact: "input:v1"})
	p.step.Containers = append(p.step.Containers, "other")
	sidecar := p.sidecar(t)
	assert.Equal(t, p.app(t, data, "cat file; exit 1").exitCode(t), 1)
	sidecar.kill(t)
	p.reboot(t)
	assert.NilError(t, os.Remove(filepath.Join(data, "file")))

	sidecar = p.sidecar(t)
	sidecar.awaitOutput(t, "The node was restarted")
	sidecar.kill(t) // before anybody has asked for them
	p.sidecar(t)
	other := p.container(t, "other", data, "cat file")
	assert.Equal(t, other.exitCode(t), 0)
	assert.Equal(t, other.output.String(), "file")
	assert.NilError(t, os.WriteFile(filepath.Join(data, "file"), []byte("theirs"), 0o600))
	app := p.app(t, data, "cat file")
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "theirs", "what containers share is not taken from under the other")
}

func TestAfterARebootTheGateOpensWhenTheInputsAreThereAgain(t *testing.T) {
	_, registry := startRegistry(t)
	made(t, registry, "input:v1", "file")
	p, data := taker(t, registry, handoff.Input{Artifact: "input:v1"})
	sidecar := p.sidecar(t)
	assert.Equal(t, p.app(t, data, "exit 1").exitCode(t), 1)
	sidecar.kill(t)
	p.reboot(t)
	assert.NilError(t, os.Remove(filepath.Join(data, "file")))

	p.sidecar(t)
	assert.Equal(t, start(t, "", "sidecar", "gate", "--run-dir="+string(p.run), "--anew").exitCode(t), 0)
	assert.DeepEqual(t, visible(t, data), []string{"file"})
}

// reboot makes every record one of another boot of the node.
func (p *pod) reboot(t *testing.T) {
	t.Helper()
	boot := regexp.MustCompile(`"bootID":"[^"]*"`)
	err := filepath.WalkDir(string(p.run), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		record, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, boot.ReplaceAll(record, []byte(`"bootID":"before"`)), 0o600)
	})
	assert.NilError(t, err)
}
