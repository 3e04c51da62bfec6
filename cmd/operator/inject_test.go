package main

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/webhook"
)

// What the webhooks do, the command prints: the cases are those of packages inject, for pods, and webhook, for Jobs.
const (
	injectTestdata  = "../../pkg/inject/testdata"
	webhookTestdata = "../../pkg/webhook/testdata"
)

func TestInjectPrintsWhatTheGoldenManifestsSay(t *testing.T) {
	var files []string
	for _, testdata := range []string{injectTestdata, webhookTestdata} {
		more, err := filepath.Glob(testdata + "/*/golden.yaml")
		assert.NilError(t, err)
		assert.Assert(t, len(more) > 0)
		files = append(files, more...)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			opts := injectOptions{file: filepath.Join(dir, "input.yaml"), sidecarImage: "sidecar:test", namespace: "default", findCommand: findCommand(t)}
			cache := cacheOf(t, opts.file)
			opts.auth, opts.tls = cache.Auth, cache.TLS.Enabled
			assert.NilError(t, injectFile(t.Context(), opts, nil, &stdout, &stderr))
			data, err := os.ReadFile(file)
			assert.NilError(t, err)
			assert.DeepEqual(t, decode(t, stdout.Bytes()), decode(t, data))
		})
	}
}

// cacheOf is the spec of the OrasCache of a case.
func cacheOf(t *testing.T, file string) v1alpha1.OrasCacheSpec {
	t.Helper()
	data, err := os.ReadFile(file)
	assert.NilError(t, err)
	object, err := meta.Accessor(decode(t, data))
	assert.NilError(t, err)
	name := cmp.Or(object.GetLabels()[v1alpha1.KeyPrefix+v1alpha1.KeyCache], object.GetAnnotations()[v1alpha1.KeyPrefix+v1alpha1.KeyCache])
	data, err = os.ReadFile(filepath.Join(injectTestdata, "caches.yaml"))
	assert.NilError(t, err)
	var specs map[string]v1alpha1.OrasCacheSpec
	assert.NilError(t, yaml.UnmarshalStrict(data, &specs))
	return specs[name]
}

// decode reads a Pod or a Job.
func decode(t *testing.T, manifest []byte) runtime.Object {
	t.Helper()
	object, _, err := clientscheme.Codecs.UniversalDeserializer().Decode(manifest, nil, nil)
	assert.NilError(t, err)
	return object
}

// findCommand knows what the images of the cases run.
func findCommand(t *testing.T) webhook.FindCommand {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(injectTestdata, "images.yaml"))
	assert.NilError(t, err)
	var images map[string]inject.ImageCommand
	assert.NilError(t, yaml.UnmarshalStrict(data, &images))
	return func(_ context.Context, _ string, _ corev1.PodSpec, image string) inject.ImageCommand {
		return images[image]
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

// What is printed with an explanation can still be applied.
func TestInjectExplainsEveryDecision(t *testing.T) {
	var stdout, stderr bytes.Buffer
	opts := injectOptions{file: filepath.Join(webhookTestdata, "own-volumes-at-input-and-output", "input.yaml"), sidecarImage: "sidecar:test", namespace: "default", explain: true}
	assert.NilError(t, injectFile(t.Context(), opts, nil, &stdout, &stderr))
	var table strings.Builder
	for line := range strings.Lines(stdout.String()) {
		if strings.HasPrefix(line, "#") {
			table.WriteString(line)
		}
	}
	golden.Assert(t, table.String(), "inject/explained.txt")
	data, err := os.ReadFile(filepath.Join(webhookTestdata, "own-volumes-at-input-and-output", "golden.yaml"))
	assert.NilError(t, err)
	assert.DeepEqual(t, decode(t, stdout.Bytes()), decode(t, data))
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

func TestInjectTakesHowTheRegistryLetsStepsIn(t *testing.T) {
	var stdout, stderr bytes.Buffer
	args := []string{"inject", "-f", injectTestdata + "/the-smallest-step/input.yaml", "--auth=serviceaccount", "--tls", "--explain"}
	assert.NilError(t, run(t.Context(), args, &stdout, &stderr))
	for _, want := range []string{"audience: oras://default/oras\n", "name: oras-ca\n", "- --plain-http=false\n", "a token of the pod's ServiceAccount"} {
		assert.Assert(t, strings.Contains(stdout.String(), want), "%s is not in\n%s", want, stdout.String())
	}
	args[3] = "--auth=kerberos"
	assert.ErrorContains(t, run(t.Context(), args, &stdout, &stderr), "--auth=kerberos is none of none, serviceaccount and htpasswd")
}

func TestInjectRefusesWhatIsNoManifest(t *testing.T) {
	var stdout, stderr bytes.Buffer
	assert.ErrorContains(t, injectStream(t.Context(), injectOptions{}, strings.NewReader("{"), &stdout, &stderr), "reading the manifest")
	assert.ErrorContains(t, injectStream(t.Context(), injectOptions{}, strings.NewReader("kind: List"), &stdout, &stderr), "documents of their own")
	assert.ErrorContains(t, run(t.Context(), []string{"inject"}, &stdout, &stderr), `"filename" not set`)
	assert.ErrorIs(t, run(t.Context(), []string{"inject", "-f", "no-such-file"}, &stdout, &stderr), os.ErrNotExist)
}
