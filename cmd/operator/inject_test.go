package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// injectTestdata is that of package inject: what the webhook does, the command prints.
const injectTestdata = "../../pkg/inject/testdata"

func TestInjectPrintsWhatTheGoldenManifestsSay(t *testing.T) {
	files, err := filepath.Glob(injectTestdata + "/*/golden.yaml")
	assert.NilError(t, err)
	assert.Assert(t, len(files) > 0)
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := []string{"inject", "-f", filepath.Join(dir, "input.yaml"), "--sidecar-image=sidecar:test"}
			assert.NilError(t, run(t.Context(), args, &stdout, &stderr))
			var got, want corev1.Pod
			assert.NilError(t, yaml.Unmarshal(stdout.Bytes(), &got))
			data, err := os.ReadFile(file)
			assert.NilError(t, err)
			assert.NilError(t, yaml.Unmarshal(data, &want))
			assert.DeepEqual(t, got, want)
		})
	}
}

func TestInjectGoesThroughAWholeStream(t *testing.T) {
	in, err := os.Open("testdata/inject/workflow.yaml")
	assert.NilError(t, err)
	defer in.Close() //nolint:errcheck // only read from
	var stdout, stderr bytes.Buffer
	opts := injectOptions{sidecarImage: "sidecar:test", namespace: "team"}
	assert.NilError(t, injectStream(t.Context(), opts, in, &stdout, &stderr))
	golden.Assert(t, stdout.String(), "inject/golden.yaml")
	assert.Equal(t, stderr.String(), "Warning: Job \"two\": input-wait has no effect: the step has no input\n")
}

func TestInjectTellsAllMistakesOfAStream(t *testing.T) {
	pod := func(name, uri string) string {
		return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", labels: {oras.converged-computing.github.io/output-uri: " + uri +
			", oras.converged-computing.github.io/oras-cache: oras}}\nspec: {restartPolicy: Never, containers: [{name: app, command: [a]}]}\n"
	}
	var stdout, stderr bytes.Buffer
	err := injectStream(t.Context(), injectOptions{namespace: "x"}, strings.NewReader(pod("one", "A")+pod("two", "b")+pod("three", "C")), &stdout, &stderr)
	assert.ErrorContains(t, err, `Pod "one": cannot be a step of a workflow: output-uri: "A" is no artifact`)
	assert.ErrorContains(t, err, `Pod "three": cannot be a step of a workflow: output-uri: "C" is no artifact`)
	assert.Equal(t, strings.Count(stdout.String(), "kind: Pod"), 0, "half a workflow must not reach kubectl apply")
}

func TestInjectTakesTheRegistrysEndpoint(t *testing.T) {
	var stdout, stderr bytes.Buffer
	args := []string{"inject", "-f", injectTestdata + "/the-smallest-step/input.yaml", "--endpoint=localhost:5000"}
	assert.NilError(t, run(t.Context(), args, &stdout, &stderr))
	assert.Assert(t, strings.Contains(stdout.String(), "- --registry=localhost:5000\n"))
	assert.Assert(t, strings.Contains(stdout.String(), "image: "+defaultSidecarImage+"\n"))
}

func TestInjectRefusesWhatIsNoManifest(t *testing.T) {
	var stdout, stderr bytes.Buffer
	assert.ErrorContains(t, injectStream(t.Context(), injectOptions{}, strings.NewReader("{"), &stdout, &stderr), "reading the manifest")
	assert.ErrorContains(t, injectStream(t.Context(), injectOptions{}, strings.NewReader("kind: List"), &stdout, &stderr), "documents of their own")
	assert.ErrorContains(t, run(t.Context(), []string{"inject"}, &stdout, &stderr), `"filename" not set`)
	assert.ErrorIs(t, run(t.Context(), []string{"inject", "-f", "no-such-file"}, &stdout, &stderr), os.ErrNotExist)
}
