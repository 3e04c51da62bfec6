package process

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// made pushes an artifact that holds one file, named as its content.
func made(t *testing.T, registry, artifact, file string) {
	t.Helper()
	p := newPod(t, registry)
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: artifact, Path: file}}
	p.sidecar(t)
	assert.Equal(t, p.app(t, t.TempDir(), "printf %s "+file+" > "+file).exitCode(t), 0)
}

// taker is a pod with one input on a volume, and the directory that it goes to.
func taker(t *testing.T, registry string, in handoff.Input) (*pod, string) {
	t.Helper()
	p := newPod(t, registry)
	data := t.TempDir()
	in.Path, in.Mount = data, data
	p.step.Inputs = []handoff.Input{in}
	return p, data
}

func TestE8AnOptionalInputMayBeMissing(t *testing.T) {
	_, registry := startRegistry(t)
	p, data := taker(t, registry, handoff.Input{Artifact: "absent:v1", Optional: true})
	p.sidecar(t)
	app := p.app(t, data, "ls -A | wc -l; echo ${ORAS_ARTIFACT_0-unset}")
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "0\nunset\n")
	assert.Equal(t, len(p.notices(t)), 0)
}

func TestAStepGathersWhatManyHaveMade(t *testing.T) {
	_, registry := startRegistry(t)
	for i := range 3 {
		made(t, registry, fmt.Sprintf("sweep/point-%d:latest", i), fmt.Sprintf("f%d", i))
	}
	made(t, registry, "sweep/point-1:old", "older")
	for name, c := range map[string]struct {
		artifact string
		want     string
	}{
		"by a pattern in the repository": {"sweep/point-*", "./sweep/point-0/latest/f0\n./sweep/point-1/latest/f1\n./sweep/point-2/latest/f2\n"},
		"by a pattern in the tag":        {"sweep/point-1:*", "./sweep/point-1/latest/f1\n./sweep/point-1/old/older\n"},
		"by a range":                     {"sweep/point-{1..2}:latest", "./sweep/point-1/latest/f1\n./sweep/point-2/latest/f2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p, data := taker(t, registry, handoff.Input{Artifact: c.artifact})
			p.sidecar(t)
			app := p.app(t, data, "find . -type f | sort")
			assert.Equal(t, app.exitCode(t), 0)
			assert.Equal(t, app.output.String(), c.want)
		})
	}
}

func TestGatheringWaitsUntilThereAreEnough(t *testing.T) {
	_, registry := startRegistry(t)
	made(t, registry, "part-0:latest", "f0")
	p, data := taker(t, registry, handoff.Input{Artifact: "part-*", Count: 2, Wait: handoff.Duration(patience)})
	p.step.Debug = true
	sidecar := p.sidecar(t)
	sidecar.awaitOutput(t, "An input is not there yet.")
	made(t, registry, "part-1:latest", "f1")
	app := p.app(t, data, "find . -type f | wc -l")
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "2\n")
}

func TestGatheringTooFewFailsTheStep(t *testing.T) {
	_, registry := startRegistry(t)
	made(t, registry, "part-0:latest", "f0")
	for name, c := range map[string]struct {
		in   handoff.Input
		want string
	}{
		"fewer than counted":  {handoff.Input{Artifact: "part-*", Count: 2}, "input part-* matches 1 artifacts of registry " + registry + ", and 2 are needed"},
		"one of a range":      {handoff.Input{Artifact: "part-{0..1}"}, "input part-1:latest is not in registry"},
		"no match of pattern": {handoff.Input{Artifact: "other-*"}, "matches 0 artifacts"},
	} {
		t.Run(name, func(t *testing.T) {
			p, data := taker(t, registry, c.in)
			p.sidecar(t)
			assert.Equal(t, p.app(t, data, "true").exitCode(t), handoff.ExitInputs)
			assert.Assert(t, is.Contains(p.terminationMessage(t), c.want))
			assert.DeepEqual(t, p.notices(t), []handoff.Notice{{Reason: handoff.ReasonInputPullFailed, Message: p.terminationMessage(t)}})
		})
	}
}

func TestAnInputThatCannotBeWrittenNamesThePlaceAsTheApplicationKnowsIt(t *testing.T) {
	_, registry := startRegistry(t)
	publish(t, registry, "first:v1")
	p, data := newTaker(t, registry, "first:v1", true)
	p.step.Inputs[0].Path = "/data/in"
	assert.NilError(t, os.MkdirAll(filepath.Join(data, "large", "in its way"), 0o700))
	p.sidecar(t)
	assert.Equal(t, p.app(t, t.TempDir(), "true").exitCode(t), handoff.ExitInputs)
	assert.Assert(t, is.Contains(p.terminationMessage(t), "first:v1 cannot be written to /data/in: "))
}

func TestPlaceholdersOfInputsStandForThePod(t *testing.T) {
	_, registry := startRegistry(t)
	made(t, registry, "team/point-7:latest", "seven")
	p, data := taker(t, registry, handoff.Input{Artifact: "{namespace}/point-{index}"})
	p.step.Pod = handoff.PodIdentity{Namespace: "team", Index: "7"}
	p.sidecar(t)
	app := p.app(t, data, "cat seven")
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "seven")
}

func TestAPlaceholderThatNothingStandsForIsAMistake(t *testing.T) {
	_, registry := startRegistry(t)
	p, data := taker(t, registry, handoff.Input{Artifact: "point-{index}"})
	p.sidecar(t)
	assert.Equal(t, p.app(t, data, "true").exitCode(t), handoff.ExitConfig)
	assert.Assert(t, is.Contains(p.terminationMessage(t), "{index} is not known here"))
}

const restored = "The inputs are not known to be what they were and are pulled again."

func TestAnAttemptFindsItsInputsAsTheFirstOneDid(t *testing.T) {
	server, registry := startRegistry(t)
	made(t, registry, "input:v1", "file")
	p, data := taker(t, registry, handoff.Input{Artifact: "input:v1"})
	p.step.Debug = true
	sidecar := p.sidecar(t)
	assert.Equal(t, p.app(t, data, "echo more >file; echo mine >own; exit 1").exitCode(t), 1)
	app := p.app(t, data, "cat file own; rm file; exit 1")
	assert.Equal(t, app.exitCode(t), 1)
	assert.Equal(t, app.output.String(), "filemine\n")
	app = p.app(t, data, "cat file; exit 1")
	assert.Equal(t, app.exitCode(t), 1)
	assert.Equal(t, app.output.String(), "file")
	const pulls = 2
	sidecar.awaitOutputs(t, restored, pulls)
	server.signal(t, syscall.SIGKILL) // what is as it was takes no registry
	server.exitCode(t)
	assert.Equal(t, p.app(t, data, "cat file").exitCode(t), 0)
	assert.Equal(t, strings.Count(sidecar.output.String(), restored), pulls)
}

func TestTheGateOpensWhenTheInputsAreThere(t *testing.T) {
	_, registry := startRegistry(t)
	p, data := taker(t, registry, handoff.Input{Artifact: "gated:v1", Wait: handoff.Duration(patience)})
	p.step.Unwrapped = true
	gate := start(t, "", "sidecar", "gate", "--run-dir="+string(p.run))
	p.sidecar(t)
	made(t, registry, "gated:v1", "file")
	assert.Equal(t, gate.exitCode(t), 0)
	_, err := os.Stat(filepath.Join(data, "file"))
	assert.NilError(t, err)
}

func TestTheGateFailsWithTheInputs(t *testing.T) {
	_, registry := startRegistry(t)
	p, _ := taker(t, registry, handoff.Input{Artifact: "absent:v1"})
	p.step.Unwrapped = true
	p.sidecar(t)
	gate := start(t, "", "sidecar", "gate", "--run-dir="+string(p.run))
	assert.Equal(t, gate.exitCode(t), handoff.ExitInputs)
	assert.Assert(t, is.Contains(gate.output.String(), "input absent:v1 is not in registry"))
}

func TestAGateThatIsStartedAgainHasTheInputsTriedAgain(t *testing.T) {
	_, registry := startRegistry(t)
	p, data := taker(t, registry, handoff.Input{Artifact: "late:v1"})
	p.step.Unwrapped = true
	p.sidecar(t)
	for range 2 {
		gate := p.gate(t)
		assert.Equal(t, gate.exitCode(t), handoff.ExitInputs)
		assert.Assert(t, is.Contains(gate.output.String(), "input late:v1 is not in registry"))
	}
	made(t, registry, "late:v1", "file")
	assert.Equal(t, p.gate(t).exitCode(t), 0)
	assert.DeepEqual(t, visible(t, data), []string{"file"})
}

// Under restart policy Never no gate is started again, and what the sidecar has said is the last word.
func TestAGateThatIsNotStartedAgainTakesTheVerdictAsItIs(t *testing.T) {
	f := newFaulty(t)
	p, _ := newTaker(t, f.address, "absent:v1", true)
	p.sidecar(t)
	for range 2 {
		gate := start(t, "", "sidecar", "gate", "--run-dir="+string(p.run))
		assert.Equal(t, gate.exitCode(t), handoff.ExitInputs)
	}
	assert.Equal(t, len(f.exchanges(http.MethodHead, manifests)), 1, "the registry is asked once")
}

// The sidecar that the gate is to ask was killed; the next one is asked.
func TestAGateAsksTheSidecarThatComes(t *testing.T) {
	_, registry := startRegistry(t)
	p, data := taker(t, registry, handoff.Input{Artifact: "late:v1"})
	sidecar := p.sidecar(t)
	sidecar.awaitOutput(t, "The inputs are dealt with.")
	sidecar.kill(t)
	gate := p.gate(t)
	gate.watches(t)
	made(t, registry, "late:v1", "file")
	p.sidecar(t)
	assert.Equal(t, gate.exitCode(t), 0)
	assert.DeepEqual(t, visible(t, data), []string{"file"})
}

func TestWhoeverSaysToBeAGateCannotHaveTheRegistryAskedAllTheTime(t *testing.T) {
	f := newFaulty(t)
	p, _ := newTaker(t, f.address, "absent:v1", true)
	first := time.Now()
	p.sidecar(t)
	for range 5 {
		conn := p.connect(t, handoff.Hello{Version: handoff.Version, Gate: true})
		_, err := conn.Receive(new(handoff.Heard))
		assert.NilError(t, err)
		_, err = handoff.Await(patient(t), p.run, p.run.Ready(), func(r handoff.Ready) bool { return r.State.Final() })
		assert.NilError(t, err)
	}
	tries := len(f.exchanges(http.MethodHead, manifests))
	assert.Assert(t, tries <= 2+int(time.Since(first)/time.Second), "it was asked %d times", tries)
}

func TestTheGateDoesNotWaitForEver(t *testing.T) {
	p := newPod(t, "127.0.0.1:1")
	gate := start(t, "", "sidecar", "gate", "--run-dir="+string(p.run), "--timeout=50ms")
	assert.Equal(t, gate.exitCode(t), handoff.ExitInputs)
	assert.Assert(t, is.Contains(gate.output.String(), "not in place within 50ms"))
}

func TestTheGateEndsAtOnceWhenItIsTold(t *testing.T) {
	p := newPod(t, "127.0.0.1:1")
	gate := start(t, "", "sidecar", "gate", "--run-dir="+string(p.run))
	gate.watches(t)
	told := time.Now()
	gate.signal(t, syscall.SIGTERM)
	assert.Equal(t, gate.exitCode(t), 143)
	assert.Assert(t, time.Since(told) < patience/6)
}

// watches waits until the process waits for a record.
func (p *process) watches(t *testing.T) {
	t.Helper()
	fds := fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		entries, err := os.ReadDir(fds)
		assert.NilError(t, err)
		for _, e := range entries {
			if link, _ := os.Readlink(filepath.Join(fds, e.Name())); strings.Contains(link, "inotify") {
				return
			}
		}
		assert.Assert(t, time.Now().Before(deadline), "%s does not wait for a record", p.name)
	}
}
