package process

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// The node is restarted when the command has ended and nothing was pushed yet. Its output lies where its input was: pulling
// that again would undo it. Others may ask for the input before its container is back.
func TestAfterARebootWhatTheCommandMadeIsPushedAndNotWhatItWasMadeOf(t *testing.T) {
	for name, others := range map[string]func(t *testing.T, p *pod, data string){
		"nobody else asks": func(*testing.T, *pod, string) {},
		"a gate asks": func(t *testing.T, p *pod, _ string) {
			assert.Equal(t, p.gate(t).exitCode(t), 0)
		},
		"another container asks": func(t *testing.T, p *pod, data string) {
			other := p.container(t, "other", data, "cat file")
			assert.Equal(t, other.exitCode(t), 0)
			assert.Equal(t, other.output.String(), "file cooked")
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, registry := startRegistry(t)
			made(t, registry, "raw:v1", "file")
			p, data := taker(t, registry, handoff.Input{Artifact: "raw:v1"})
			p.step.Containers = append(p.step.Containers, "other")
			p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "cooked:v1", Path: data}}
			p.shim = []string{"--restart-policy=OnFailure", "--durable-output=" + data}
			ledger := filepath.Join(t.TempDir(), "ledger")
			command := `echo run >>` + ledger + `; printf " cooked" >>file; echo started; until [ -e gone ]; do sleep 0.05; done`
			sidecar := p.sidecar(t)
			app := p.app(t, data, command)
			app.awaitOutput(t, "started")
			server.kill(t)
			assert.NilError(t, os.WriteFile(filepath.Join(data, "gone"), nil, 0o600))
			_, err := handoff.Await(patient(t), p.run, p.run.Done("app", 1), func(handoff.Done) bool { return true })
			assert.NilError(t, err)
			app.kill(t)
			sidecar.kill(t)
			p.reboot(t)

			startRegistryAt(t, registry, server.dir)
			p.sidecar(t)
			others(t, p, data)
			assert.Equal(t, p.app(t, data, command).exitCode(t), 0)
			assert.Equal(t, fileOf(t, registry, "cooked:v1"), "file cooked")
			runs, err := os.ReadFile(ledger)
			assert.NilError(t, err)
			assert.Equal(t, string(runs), "run\n")
		})
	}
}

// A checkpoint lies where its input was. The command was cut off, and what it has left is wanted.
func TestAfterARebootWhatACommandHasLeftIsPushedBeforeItsInputsAreWrittenAgain(t *testing.T) {
	_, registry := startRegistry(t)
	made(t, registry, "checkpoint:v1", "file")
	p, data := taker(t, registry, handoff.Input{Artifact: "checkpoint:v1"})
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "left-{attempt}:v1", Path: data, Mount: data, On: handoff.OnAlways}}
	p.shim = []string{"--restart-policy=OnFailure"}
	sidecar := p.sidecar(t)
	app := p.app(t, data, "printf newer >file; echo made; exec sleep 300")
	app.awaitOutput(t, "made")
	p.kill(t, app)
	sidecar.kill(t)
	p.reboot(t)

	p.sidecar(t)
	assert.Equal(t, p.gate(t).exitCode(t), 0)
	app = p.app(t, data, "cat file")
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "file")
	assert.Assert(t, lineage(t, registry, "left-1", "v1").Incomplete)
	assert.Equal(t, fileOf(t, registry, "left-1:v1"), "newer")
}

// What a container has finished is damaged, which it finds out itself. Another one was given it as it was before.
func TestAfterARebootAContainerThatRunsAgainHasItsInputsWhoeverAskedBefore(t *testing.T) {
	server, registry := startRegistry(t)
	made(t, registry, "raw:v1", "file")
	made(t, registry, "config:v1", "config")
	p, data := taker(t, registry, handoff.Input{Artifact: "raw:v1"})
	config := t.TempDir()
	p.step.Inputs = append(p.step.Inputs, handoff.Input{Artifact: "config:v1", Path: config, Mount: config})
	p.step.Containers = append(p.step.Containers, "other")
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "cooked:v1", Path: data}}
	p.shim = []string{"--restart-policy=OnFailure", "--durable-output=" + data}
	const command = `cat file; printf cooked >file`
	sidecar := p.sidecar(t)
	sidecar.awaitOutput(t, "The inputs are dealt with.")
	server.kill(t)
	app := p.app(t, data, command)
	sidecar.awaitOutput(t, "The command has ended.")
	app.kill(t)
	sidecar.kill(t)
	p.reboot(t)
	assert.NilError(t, os.WriteFile(filepath.Join(data, "file"), []byte("damaged"), 0o600))

	serving := startRegistryAt(t, registry, server.dir)
	p.sidecar(t)
	assert.Equal(t, p.gate(t).exitCode(t), 0)
	assert.NilError(t, os.WriteFile(filepath.Join(config, "config"), []byte("prepared"), 0o600)) // by an init container
	other := p.container(t, "other", data, "cat file "+config+"/config")
	assert.Equal(t, other.exitCode(t), 0)
	assert.Equal(t, other.output.String(), "damagedprepared", "what is in place is not written twice")

	serving.kill(t)
	serving = startRegistryAt(t, registry, t.TempDir())
	assert.Equal(t, p.app(t, data, command).exitCode(t), handoff.ExitInputs, "it is not given what is damaged")
	serving.kill(t)
	startRegistryAt(t, registry, server.dir)
	app = p.app(t, data, command)
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "file")
}

// The sidecar is at pushing what one container has left when another one needs the input that lies there.
func TestAfterARebootWhatIsBeingPushedIsNotWrittenOver(t *testing.T) {
	server, registry := startRegistry(t)
	made(t, registry, "checkpoint:v1", "file")
	p, data := taker(t, registry, handoff.Input{Artifact: "checkpoint:v1"})
	p.step.Containers = append(p.step.Containers, "other")
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "left-{attempt}:v1", Path: data, Mount: data, On: handoff.OnAlways}}
	sidecar := p.sidecar(t)
	app := p.app(t, data, "printf newer >file; echo made; exec sleep 300")
	app.awaitOutput(t, "made")
	p.kill(t, app)
	sidecar.kill(t)
	p.reboot(t)
	server.kill(t)

	sidecar = p.sidecar(t)
	app = p.app(t, data, "cat file")
	sidecar.awaitOutput(t, "A shim was killed")
	other := p.container(t, "other", data, "cat file")
	assert.Equal(t, other.exitCode(t), 0)
	assert.Equal(t, other.output.String(), "newer")
	startRegistryAt(t, registry, server.dir)
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "file")
	assert.Equal(t, fileOf(t, registry, "left-1:v1"), "newer")
}

// The volume of the output was in memory, and the command must run again. Until it has, the tag names nothing that says it was
// whole.
func TestAfterARebootWhatIsLeftOfAnOutputIsNotTakenForAllOfIt(t *testing.T) {
	server, registry := startRegistry(t)
	p := newPod(t, registry)
	work := t.TempDir()
	p.step.Outputs = []handoff.Output{{
		Container: "app", Artifact: "made-{attempt}:v1", Path: work, Mount: work, On: handoff.OnAlways, Empty: handoff.EmptyPush,
	}}
	p.shim = []string{"--restart-policy=OnFailure", "--durable-output=" + work}
	sidecar := p.sidecar(t)
	sidecar.awaitOutput(t, "The inputs are dealt with.")
	server.kill(t)
	app := p.app(t, work, "echo whole >file")
	sidecar.awaitOutput(t, "The command has ended.")
	app.kill(t)
	sidecar.kill(t)
	p.reboot(t)
	assert.NilError(t, os.Remove(filepath.Join(work, "file")))

	startRegistryAt(t, registry, server.dir)
	p.sidecar(t)
	assert.Equal(t, p.app(t, work, "echo whole >file").exitCode(t), 0)
	assert.Assert(t, lineage(t, registry, "made-1", "v1").Incomplete)
	assert.Assert(t, !lineage(t, registry, "made-2", "v1").Incomplete)
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

// A power cut has damaged what was pulled. The output would lie in the same place, but there is none yet.
func TestAfterARebootTheGateOpensWhenTheInputsAreThereAgain(t *testing.T) {
	_, registry := startRegistry(t)
	made(t, registry, "input:v1", "file")
	p, data := taker(t, registry, handoff.Input{Artifact: "input:v1"})
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "output:v1", Path: data}}
	p.shim = []string{"--durable-output=" + data}
	sidecar := p.sidecar(t)
	assert.Equal(t, p.app(t, data, "exit 1").exitCode(t), 1)
	sidecar.kill(t)
	p.reboot(t)
	assert.NilError(t, os.WriteFile(filepath.Join(data, "file"), nil, 0o600))

	p.sidecar(t)
	assert.Equal(t, p.gate(t).exitCode(t), 0)
	content, err := os.ReadFile(filepath.Join(data, "file"))
	assert.NilError(t, err)
	assert.Equal(t, string(content), "file")
}

func TestAfterARebootTheGateSaysWhyTheInputsCannotBeHadAgain(t *testing.T) {
	server, registry := startRegistry(t)
	made(t, registry, "input:v1", "file")
	p, data := taker(t, registry, handoff.Input{Artifact: "input:v1"})
	sidecar := p.sidecar(t)
	assert.Equal(t, p.app(t, data, "exit 1").exitCode(t), 1)
	sidecar.kill(t)
	p.reboot(t)
	server.kill(t)
	startRegistryAt(t, registry, t.TempDir())

	p.sidecar(t)
	gate := p.gate(t)
	assert.Equal(t, gate.exitCode(t), handoff.ExitInputs)
	assert.Assert(t, is.Contains(gate.output.String(), "input:v1"))
	assert.Equal(t, p.notices(t)[0].Reason, handoff.ReasonInputPullFailed)
}

// fileOf is the content of the file of that name in an artifact.
func fileOf(t *testing.T, registry, artifact string) string {
	t.Helper()
	p, data := taker(t, registry, handoff.Input{Artifact: artifact})
	p.sidecar(t)
	reader := p.app(t, data, "cat file")
	assert.Equal(t, reader.exitCode(t), 0)
	return reader.output.String()
}

// gate starts the pod's gate, as one that may be started again.
func (p *pod) gate(t *testing.T) *process {
	t.Helper()
	return start(t, "", "sidecar", "gate", "--run-dir="+string(p.run), "--anew")
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
