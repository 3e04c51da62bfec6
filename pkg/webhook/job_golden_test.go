package webhook

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
	admissionv1 "k8s.io/api/admission/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/inject"
)

// Each directory of testdata is a Job: input.yaml becomes golden.yaml, with the sentences of warnings.txt if there is one, or
// is denied with those of error.txt. go test ./pkg/webhook -update writes them anew.
func TestJobsBecomeWhatTheGoldenManifestsSay(t *testing.T) {
	for _, name := range jobs(t) {
		t.Run(name, func(t *testing.T) {
			raw := toJSON(t, filepath.Join("testdata", name, "input.yaml"))
			res := send(t, mutator().handleJob, admissionv1.Create, raw, nil)
			if strings.HasPrefix(name, "denied-") {
				assert.Assert(t, !res.Allowed, "the Job was accepted")
				golden.Assert(t, res.Result.Message+"\n", filepath.Join(name, "error.txt"))
				return
			}
			assert.Assert(t, res.Allowed, "%v", res.Result)
			manifest, err := yaml.JSONToYAML(patch(t, raw, res))
			assert.NilError(t, err)
			golden.Assert(t, string(manifest), filepath.Join(name, "golden.yaml"))
			if _, err := os.Stat(filepath.Join("testdata", name, "warnings.txt")); err == nil || len(res.Warnings) > 0 {
				golden.Assert(t, strings.Join(res.Warnings, "\n")+"\n", filepath.Join(name, "warnings.txt"))
			}
		})
	}
}

func TestUnknownFieldsOfJobsSurvive(t *testing.T) { // E52
	for _, name := range acceptedJobs(t) {
		t.Run(name, func(t *testing.T) {
			raw := sprinkle(t, toJSON(t, filepath.Join("testdata", name, "input.yaml")))
			res := send(t, mutator().handleJob, admissionv1.Create, raw, nil)
			assert.Assert(t, res.Allowed, "%v", res.Result)
			assertSprinkled(t, raw, patch(t, raw, res))
		})
	}
}

// A Job is written again as it was written first, as what it has become, or has what it has become written anew by other
// controllers: its template, which cannot change, is the same each time.
func TestAJobThatIsWrittenAgainIsTheSame(t *testing.T) { // E48
	for _, name := range acceptedJobs(t) {
		t.Run(name, func(t *testing.T) {
			input, stored := toJSON(t, filepath.Join("testdata", name, "input.yaml")), toJSON(t, filepath.Join("testdata", name, "golden.yaml"))
			var want batchv1.Job
			assert.NilError(t, json.Unmarshal(stored, &want))
			assert.Assert(t, inject.Injected(want.Spec.Template.Spec))
			for what, update := range map[string][]byte{"the manifest": input, "what was stored": stored} {
				res := send(t, mutator().handleJob, admissionv1.Update, update, stored)
				assert.Assert(t, res.Allowed, what)
				assert.Equal(t, len(res.Warnings), 0, "%s: %q", what, res.Warnings)
				var got batchv1.Job
				assert.NilError(t, json.Unmarshal(patch(t, update, res), &got))
				assert.DeepEqual(t, got.Spec.Template, want.Spec.Template)
			}
			res := send(t, mutator().handleJob, admissionv1.Create, stored, nil) // an exported one
			assert.Assert(t, res.Allowed)
			assert.Equal(t, len(res.Patches), 0)
			pod := corev1.Pod{ObjectMeta: want.Spec.Template.ObjectMeta, Spec: want.Spec.Template.Spec}
			assert.NilError(t, CheckStep(encode(t, pod)))
		})
	}
}

func jobs(t *testing.T) []string {
	t.Helper()
	inputs, err := filepath.Glob("testdata/*/input.yaml")
	assert.NilError(t, err)
	assert.Assert(t, len(inputs) > 0)
	var names []string
	for _, input := range inputs {
		names = append(names, filepath.Base(filepath.Dir(input)))
	}
	return names
}

func acceptedJobs(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(jobs(t), func(name string) bool { return strings.HasPrefix(name, "denied-") })
}
