package process

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestAStepTakesWhatAStepBeforeItMade(t *testing.T) {
	_, registry := startRegistry(t)
	work := t.TempDir()

	first := newPod(t, registry)
	first.step.Outputs = []handoff.Output{{Container: "app", Artifact: "first:v1", Path: "out"}}
	sidecar := first.sidecar(t)
	app := first.app(t, work, "mkdir -p out/deep && umask 077 && echo 42 > out/deep/answer && ln -s deep/answer out/link")
	assert.Equal(t, app.exitCode(t), 0)
	sidecar.signal(t, syscall.SIGTERM)
	assert.Equal(t, sidecar.exitCode(t), 0)

	second := newPod(t, registry)
	home := t.TempDir()
	data := filepath.Join(home, "data")
	second.step.Inputs = []handoff.Input{{Artifact: "first:v1", Path: data, Mount: home, Below: "data"}}
	second.sidecar(t)
	app = second.app(t, home, "cat data/link data/deep/answer; stat -c %a data/deep/answer; echo $ORAS_ARTIFACT_0")
	assert.Equal(t, app.exitCode(t), 0)
	assert.Assert(t, is.Regexp(`^42\n42\n600\n`+registry+`/first:v1@sha256:[0-9a-f]{64}\n$`, app.output.String()))
}

func TestInputsWithoutAVolumeAreWrittenThroughTheShim(t *testing.T) {
	_, registry := startRegistry(t)
	work := t.TempDir()
	first := newPod(t, registry)
	first.step.Outputs = []handoff.Output{{Container: "app", Artifact: "first:v1", Path: work}}
	first.sidecar(t)
	assert.Equal(t, first.app(t, work, "mkdir -m 500 a && echo x > b && chmod 444 b && ln b c").exitCode(t), 0)

	second := newPod(t, registry)
	second.step.Inputs = []handoff.Input{{Artifact: "first:v1"}}
	second.sidecar(t)
	home := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(home, "mine"), []byte("kept"), 0o600))
	app := second.app(t, home, "stat -c '%n %a %h' * ; cat b mine; ls -A | wc -l")
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "a 500 2\nb 444 2\nc 444 2\nmine 600 1\nx\nkept4\n")
}

func TestAMissingInputFailsTheStepBeforeItsCommand(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	p.step.Inputs = []handoff.Input{{Artifact: "absent:v1"}}
	p.sidecar(t)
	app := p.app(t, t.TempDir(), "echo started")
	assert.Equal(t, app.exitCode(t), handoff.ExitInputs)
	want := "input absent:v1 is not in registry " + registry
	assert.Assert(t, is.Contains(p.terminationMessage(t), want))
	assert.Assert(t, is.Contains(app.output.String(), want))
	assert.Assert(t, !is.Contains(app.output.String(), "started")().Success())
}

func TestAnInputThatComesLaterIsWaitedFor(t *testing.T) {
	_, registry := startRegistry(t)
	waiting := newPod(t, registry)
	data := t.TempDir()
	waiting.step.Inputs = []handoff.Input{{Artifact: "late:v1", Path: data, Mount: data, Wait: handoff.Duration(patience)}}
	waiting.step.Debug = true
	sidecar := waiting.sidecar(t)
	app := waiting.app(t, t.TempDir(), "cat "+data+"/file")
	sidecar.awaitOutput(t, "An input is not there yet.")

	maker := newPod(t, registry)
	work := t.TempDir()
	maker.step.Outputs = []handoff.Output{{Container: "app", Artifact: "late:v1", Path: "file"}}
	maker.sidecar(t)
	assert.Equal(t, maker.app(t, work, "printf there > file").exitCode(t), 0)

	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "there")
}

func TestACommandThatFailsKeepsItsCodeAndPushesNothing(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	work := t.TempDir()
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "partial:v1", Path: work}}
	p.sidecar(t)
	assert.Equal(t, p.app(t, work, "echo half > file; exit 7").exitCode(t), 7)

	pushed, err := handoff.Read[handoff.Pushed](p.run.Pushed("app", 1))
	assert.NilError(t, err)
	assert.Equal(t, pushed.State, handoff.Skipped)
	next := newPod(t, registry)
	next.step.Inputs = []handoff.Input{{Artifact: "partial:v1"}}
	next.sidecar(t)
	assert.Equal(t, next.app(t, t.TempDir(), "true").exitCode(t), handoff.ExitInputs)
}

func TestARegistryThatIsGoneAtPushTimeFailsTheStep(t *testing.T) {
	server, registry := startRegistry(t)
	p := newPod(t, registry)
	work := t.TempDir()
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "orphan:v1", Path: work}}
	p.step.PushTimeout = 3 * time.Second
	p.sidecar(t)
	app := p.app(t, work, "until [ -e gone ]; do sleep 0.05; done")
	server.signal(t, syscall.SIGKILL)
	server.exitCode(t)
	assert.NilError(t, os.WriteFile(filepath.Join(work, "gone"), nil, 0o600))

	assert.Equal(t, app.exitCode(t), handoff.ExitOutputs)
	message := p.terminationMessage(t)
	assert.Assert(t, is.Contains(message, "orphan:v1"))
	assert.Assert(t, is.Contains(message, "connection refused"))
}

func TestAnOutputThatIsNotThereFailsTheStepForGood(t *testing.T) {
	_, registry := startRegistry(t)
	for name, tc := range map[string]struct{ script, want string }{
		"a path that does not exist": {"true", "path out of container app does not exist"},
		"an empty directory":         {"mkdir out", "path out of container app holds nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t, registry)
			p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "nothing:v1", Path: "out"}}
			p.sidecar(t)
			assert.Equal(t, p.app(t, t.TempDir(), tc.script).exitCode(t), handoff.ExitRefused)
			assert.Assert(t, is.Contains(p.terminationMessage(t), tc.want))
		})
	}
}

func TestAnAttemptPushesNothingOfTheOneBeforeIt(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	work := t.TempDir()
	out := filepath.Join(work, "out")
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "retried:v1", Path: out}}
	p.shim = []string{"--empty-dir=" + out}
	p.sidecar(t)
	assert.Equal(t, p.app(t, work, "mkdir out && echo half > out/partial; exit 1").exitCode(t), 1)
	assert.Equal(t, p.app(t, work, "echo whole > out/result").exitCode(t), 0)

	next := newPod(t, registry)
	next.step.Inputs = []handoff.Input{{Artifact: "retried:v1"}}
	next.sidecar(t)
	app := next.app(t, t.TempDir(), "ls -A")
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "result\n")
}

// Where a sandbox lets no descriptors pass, the bytes themselves do.
func TestAStepWhoseShimLendsBytesTakesAndMakesWhatOthersDo(t *testing.T) {
	_, registry := startRegistry(t)
	first := newPod(t, registry)
	first.shim = []string{"--lend=bytes"}
	first.step.Debug = true
	first.step.Outputs = []handoff.Output{{Container: "app", Artifact: "first:v1", Path: "out"}}
	sidecar := first.sidecar(t)
	work := t.TempDir()
	app := first.app(t, work, "mkdir out && cd out && umask 077 && seq 1000000 > large && echo 42 > small && : > empty && ln small hard")
	assert.Equal(t, app.exitCode(t), 0)
	sidecar.awaitOutput(t, "Files are read and written over the socket.")

	second := newPod(t, registry)
	second.shim = []string{"--lend=bytes"}
	second.step.Inputs = []handoff.Input{{Artifact: "first:v1"}}
	second.sidecar(t)
	app = second.app(t, t.TempDir(), "stat -c '%n %a %s %h' * && seq 1000000 | cmp - large && cat hard")
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "empty 600 0 1\nhard 600 3 2\nlarge 600 6888896 1\nsmall 600 3 2\n42\n")
}

func TestE73APatternIsPushedAsTheTreeOfItsMatches(t *testing.T) {
	_, registry := startRegistry(t)
	first := newPod(t, registry)
	first.step.Outputs = []handoff.Output{{Container: "app", Artifact: "matches:v1", Path: "out/run*"}}
	first.sidecar(t)
	script := "mkdir -p out/run-1/plots out/other && echo p > out/run-1/plots/a && echo t > out/run.txt && echo x > out/other/x"
	assert.Equal(t, first.app(t, t.TempDir(), script).exitCode(t), 0)

	second := newPod(t, registry)
	second.step.Inputs = []handoff.Input{{Artifact: "matches:v1"}}
	second.sidecar(t)
	app := second.app(t, t.TempDir(), "find . -type f | LC_ALL=C sort; cat run-1/plots/a run.txt")
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "./run-1/plots/a\n./run.txt\np\nt\n")

	third := newPod(t, registry)
	third.step.Outputs = []handoff.Output{{Container: "app", Artifact: "matches:v1", Path: "*.csv"}}
	third.sidecar(t)
	assert.Equal(t, third.app(t, t.TempDir(), "true").exitCode(t), handoff.ExitRefused)
	assert.Assert(t, is.Contains(third.terminationMessage(t), "path *.csv of container app does not exist"))
}

// E38 and a kill while the command runs: the next sidecar takes the step up where it is.
func TestASidecarThatIsKilledIsFollowedByOneThatGoesOn(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	work := t.TempDir()
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "late:v1", Path: "file"}}
	first := p.sidecar(t)
	app := p.app(t, work, "echo started; until [ -e go ]; do sleep 0.05; done; echo x > file")
	app.awaitOutput(t, "started")
	first.signal(t, syscall.SIGKILL)
	first.exitCode(t)
	assert.NilError(t, os.WriteFile(filepath.Join(work, "go"), nil, 0o600))
	p.sidecar(t)
	assert.Equal(t, app.exitCode(t), 0)
	pushed, err := handoff.Read[handoff.Pushed](p.run.Pushed("app", 1))
	assert.NilError(t, err)
	assert.Equal(t, pushed.State, handoff.OK)

	again := p.sidecar(t)
	again.awaitOutput(t, "A sidecar before this one has dealt with the inputs.")
	again.signal(t, syscall.SIGTERM)
	assert.Equal(t, again.exitCode(t), 0)
}
