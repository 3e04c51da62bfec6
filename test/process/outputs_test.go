package process

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestOutputsArePushedAfterTheEndsThatTheyAreWantedAfter(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	p.step.Outputs = []handoff.Output{
		{Container: "app", Artifact: "a-{attempt}:success", Path: "out"},
		{Container: "app", Artifact: "a-{attempt}:failure", Path: "out", On: handoff.OnFailure},
		{Container: "app", Artifact: "a-{attempt}:always", Path: "out", On: handoff.OnAlways},
	}
	p.sidecar(t)
	work := t.TempDir()
	assert.Equal(t, p.app(t, work, "mkdir out; echo x > out/file; exit 3").exitCode(t), 3)
	assert.Equal(t, p.app(t, work, "true").exitCode(t), 0)
	assert.DeepEqual(t, tags(t, registry, "a-1"), []string{"always", "failure"})
	assert.DeepEqual(t, tags(t, registry, "a-2"), []string{"always", "success"})
	assert.Equal(t, *lineage(t, registry, "a-1", "failure").ExitCode, 3)
	told := p.notices(t)
	assert.Equal(t, len(told), 4)
	assert.Equal(t, told[0].Reason, handoff.ReasonOutputPushed)
	assert.Assert(t, is.Regexp(`/a-1:failure@sha256:[0-9a-f]{64} is in the registry$`, told[0].Message))
}

func TestE62WhatBecomesOfAnOutputThatHoldsNothing(t *testing.T) {
	_, registry := startRegistry(t)
	for name, c := range map[string]struct {
		empty handoff.Empty
		code  int
		tags  []string
	}{
		"the step fails":      {handoff.EmptyFail, handoff.ExitRefused, nil},
		"it is skipped":       {handoff.EmptySkip, 0, nil},
		"an empty one is put": {handoff.EmptyPush, 0, []string{"v1"}},
	} {
		for what, script := range map[string]string{"absent": "true", "empty": "mkdir out"} {
			t.Run(name+" when "+what, func(t *testing.T) {
				p := newPod(t, registry)
				repository := string(c.empty) + "-" + what
				p.step.Outputs = []handoff.Output{{Container: "app", Artifact: repository + ":v1", Path: "out", Empty: c.empty}}
				p.sidecar(t)
				assert.Equal(t, p.app(t, t.TempDir(), script).exitCode(t), c.code)
				assert.DeepEqual(t, tags(t, registry, repository), c.tags)
			})
		}
	}
}

func TestE34WhatAKilledShimHasLeftIsPushedAsIncomplete(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	work := t.TempDir()
	p.step.Outputs = []handoff.Output{
		{Container: "app", Artifact: "killed:success", Path: "out", Mount: work, Below: "out"},
		{Container: "app", Artifact: "killed:always", Path: "out", Mount: work, Below: "out", On: handoff.OnAlways},
	}
	sidecar := p.sidecar(t)
	app := p.app(t, work, "mkdir out; echo half > out/file; echo made; exec sleep 300")
	app.awaitOutput(t, "made")
	p.killAttended(t, sidecar, app)
	sidecar.awaitOutput(t, "The outputs are dealt with.")
	assert.DeepEqual(t, tags(t, registry, "killed"), []string{"always"})
	l := lineage(t, registry, "killed", "always")
	assert.Assert(t, l.Incomplete)
	assert.Assert(t, is.Nil(l.ExitCode))
	assert.Equal(t, p.notices(t)[0].Reason, handoff.ReasonOutputIncomplete)
	sidecar.signal(t, syscall.SIGTERM)
	assert.Equal(t, sidecar.exitCode(t), 0)
}

// The kubelet tells the sidecar to end as soon as the last container has: before the second that a shim has to come back.
func TestE34AKilledShimIsDealtWithBeforeThePodEnds(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	work := t.TempDir()
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "killed:v1", Path: ".", Mount: work, On: handoff.OnFailure}}
	sidecar := p.sidecar(t)
	app := p.app(t, work, "echo half > file; echo made; exec sleep 300")
	app.awaitOutput(t, "made")
	p.kill(t, app)
	sidecar.signal(t, syscall.SIGTERM)
	assert.Equal(t, sidecar.exitCode(t), 0)
	assert.Assert(t, lineage(t, registry, "killed", "v1").Incomplete)
}

func TestE34AKilledShimWhoseOutputsAreOutOfReachIsSaid(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "killed:v1", Path: "out", On: handoff.OnAlways}}
	sidecar := p.sidecar(t)
	app := p.app(t, t.TempDir(), "exec sleep 300")
	p.killAttended(t, sidecar, app)
	sidecar.awaitOutput(t, "is on no volume, and the shim that could reach it is gone")
	assert.Assert(t, is.Nil(tags(t, registry, "killed")))
}

// The command has succeeded, but nothing of it is in the registry: the next attempt must see to that.
func TestAShimThatIsKilledWhileItHoldsLeavesItsOutputsToTheNextAttempt(t *testing.T) {
	server, registry := startRegistry(t)
	root := server.dir
	p := newPod(t, registry)
	work := t.TempDir()
	p.step.Outputs = []handoff.Output{
		{Container: "app", Artifact: "held:v1", Path: "out"},
		{Container: "app", Artifact: "held:failure", Path: "out", On: handoff.OnFailure},
	}
	p.shim = []string{"--restart-policy=OnFailure"}
	p.sidecar(t)
	app := p.app(t, work, "mkdir -p out; echo run >>out/runs; until [ -e gone ]; do sleep 0.05; done")
	server.signal(t, syscall.SIGKILL)
	server.exitCode(t)
	assert.NilError(t, os.WriteFile(filepath.Join(work, "gone"), nil, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := handoff.Await(ctx, p.run, p.run.Done("app", 1), func(handoff.Done) bool { return true })
	assert.NilError(t, err)
	app.signal(t, syscall.SIGKILL)
	app.exitCode(t)

	startRegistryAt(t, registry, root)
	assert.Equal(t, p.app(t, work, "echo run >>out/runs").exitCode(t), 0)
	assert.DeepEqual(t, tags(t, registry, "held"), []string{"v1"})
}

func TestAnAttemptAfterFailedInputsTriesThemAgain(t *testing.T) {
	_, registry := startRegistry(t)
	p, data := taker(t, registry, handoff.Input{Artifact: "late:v1"})
	p.sidecar(t)
	assert.Equal(t, p.app(t, data, "true").exitCode(t), handoff.ExitInputs)
	made(t, registry, "late:v1", "file")
	app := p.app(t, data, "cat file")
	assert.Equal(t, app.exitCode(t), 0)
	assert.Equal(t, app.output.String(), "file")
}

func TestWithoutAShimOutputsArePushedWhenThePodEnds(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	out := t.TempDir()
	p.step.Unwrapped = true
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "unwrapped:v1", Path: out, Mount: out, On: handoff.OnAlways}}
	sidecar := p.sidecar(t)
	sidecar.awaitOutput(t, "The inputs are dealt with.")
	assert.NilError(t, os.WriteFile(filepath.Join(out, "file"), nil, 0o600))
	sidecar.signal(t, syscall.SIGTERM)
	assert.Equal(t, sidecar.exitCode(t), 0)
	assert.DeepEqual(t, tags(t, registry, "unwrapped"), []string{"v1"})
	assert.Assert(t, is.Nil(lineage(t, registry, "unwrapped", "v1").ExitCode))
	assert.Equal(t, p.notices(t)[0].Reason, handoff.ReasonOutputUnwrapped)
}

// A sidecar alone is told to end too, when the sandbox of a pod is made anew: what its containers make after that counts.
func TestWithoutAShimWhatWasPushedTooEarlyIsPushedAgain(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	out := t.TempDir()
	p.step.Unwrapped = true
	p.step.Outputs = []handoff.Output{{Container: "app", Artifact: "unwrapped:v1", Path: out, Mount: out, On: handoff.OnAlways}}
	for _, made := range []string{"half", "whole"} {
		sidecar := p.sidecar(t)
		sidecar.awaitOutput(t, "dealt with")
		assert.NilError(t, os.WriteFile(filepath.Join(out, made), nil, 0o600))
		sidecar.signal(t, syscall.SIGTERM)
		assert.Equal(t, sidecar.exitCode(t), 0)
	}
	next, data := taker(t, registry, handoff.Input{Artifact: "unwrapped:v1"})
	next.sidecar(t)
	assert.Equal(t, next.app(t, t.TempDir(), "true").exitCode(t), 0)
	assert.DeepEqual(t, visible(t, data), []string{"half", "whole"})
}

// kill ends the shim of the first attempt, once its command is known to run, and the command, as the kernel does where the
// shim is process 1.
func (p *pod) kill(t *testing.T, app *process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	started, err := handoff.Await(ctx, p.run, p.run.Started("app", 1), func(handoff.Started) bool { return true })
	assert.NilError(t, err)
	app.signal(t, syscall.SIGKILL)
	assert.NilError(t, syscall.Kill(started.PID, syscall.SIGKILL))
	app.exitCode(t)
}

// killAttended is kill of a shim that the sidecar knows: one that dies before it has said who it is is dealt with by the next
// attempt, or at the end of the pod.
func (p *pod) killAttended(t *testing.T, sidecar, app *process) {
	t.Helper()
	sidecar.awaitOutput(t, "A shim has connected.")
	p.kill(t, app)
}

// tags lists those of a repository, sorted; nil if there is no such repository.
func tags(t *testing.T, registry, repository string) []string {
	t.Helper()
	var list struct{ Tags []string }
	fetch(t, registry, repository+"/tags/list", &list)
	return list.Tags
}

// lineage reads where an artifact came from.
func lineage(t *testing.T, registry, repository, tag string) artifact.Lineage {
	t.Helper()
	var manifest ocispec.Manifest
	fetch(t, registry, repository+"/manifests/"+tag, &manifest)
	return artifact.LineageOf(manifest.Annotations)
}

// fetch decodes what the registry has at a path; nothing where it has nothing.
func fetch(t *testing.T, registry, path string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+registry+"/v2/"+path, nil)
	assert.NilError(t, err)
	req.Header.Set("Accept", ocispec.MediaTypeImageManifest)
	resp, err := http.DefaultClient.Do(req)
	assert.NilError(t, err)
	defer func() { assert.Check(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	assert.NilError(t, err)
	if resp.StatusCode == http.StatusOK {
		assert.NilError(t, json.Unmarshal(body, into), string(body))
	}
}

// Neither of the shims that were killed had a sidecar to say so to, and the second one nothing to push.
func TestE34AShimThatWasKilledWhileThereWasNoSidecarIsDealtWithBeforeALaterAttempt(t *testing.T) {
	_, registry := startRegistry(t)
	p := newPod(t, registry)
	work := t.TempDir()
	p.step.Outputs = []handoff.Output{{
		Container: "app", Artifact: "killed-{attempt}:v1", Path: "out", Mount: work, Below: "out", On: handoff.OnAlways,
	}}
	sidecar := p.sidecar(t)
	app := p.app(t, work, "mkdir out; echo half > out/file; echo made; exec sleep 300")
	app.awaitOutput(t, "made")
	sidecar.kill(t)
	p.kill(t, app)
	second := p.app(t, work, "true")
	second.watches(t)
	second.kill(t)
	p.sidecar(t)
	assert.Equal(t, p.app(t, work, "echo whole > out/file").exitCode(t), 0)
	assert.DeepEqual(t, tags(t, registry, "killed-3"), []string{"v1"})
	assert.DeepEqual(t, tags(t, registry, "killed-1"), []string{"v1"})
	assert.Assert(t, lineage(t, registry, "killed-1", "v1").Incomplete)
}
