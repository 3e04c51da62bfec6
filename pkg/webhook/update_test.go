package webhook

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admission/v1"
	batchv1 "k8s.io/api/batch/v1"
)

// A Job that is written a second time has the template it had, though the manifest knows nothing of the sidecar.
func TestWritingAJobAgainChangesNothing(t *testing.T) {
	raw := jobJSON(t)
	stored, _ := create(t, raw)
	again := stored.DeepCopy()
	again.Spec.Template.Spec.Containers[0].Command = []string{"sh", "-c", "make"}
	again.Spec.Template.Spec.Containers[0].Args = []string{"all"}
	for name, update := range map[string][]byte{"merged": encode(t, *again), "replaced": raw} {
		t.Run(name, func(t *testing.T) {
			res := send(t, mutator().handleJob, admissionv1.Update, update, encode(t, stored))
			assert.Assert(t, res.Allowed)
			var got batchv1.Job
			assert.NilError(t, json.Unmarshal(patch(t, update, res), &got))
			assert.DeepEqual(t, got.Spec.Template, stored.Spec.Template)
			assert.Equal(t, len(res.Warnings), 0)
		})
	}
}

// The sidecar's arguments cannot change any more.
func TestChangingTheKeysOfAJobIsWarnedOf(t *testing.T) {
	const uri = "oras.converged-computing.github.io/output-uri"
	stored, _ := create(t, jobJSON(t))
	for name, change := range map[string]func(*batchv1.Job){
		"of the Job":                              func(j *batchv1.Job) { j.Annotations[uri] = "other" },
		"of the template, of a suspended Job":     func(j *batchv1.Job) { j.Spec.Template.Annotations[uri] = "other" },
		"of neither, but one has been taken away": func(j *batchv1.Job) { delete(j.Annotations, uri) },
	} {
		t.Run(name, func(t *testing.T) {
			update := stored.DeepCopy()
			change(update)
			res := send(t, mutator().handleJob, admissionv1.Update, encode(t, *update), encode(t, stored))
			assert.Assert(t, res.Allowed)
			assert.DeepEqual(t, res.Warnings, []string{"output-uri: changed in a Job that is there already, which has no effect; delete the Job and create it again"})
		})
	}
}

func TestKeysThatAJobGetsTooLateAreWarnedOf(t *testing.T) {
	var stored batchv1.Job
	assert.NilError(t, json.Unmarshal(jobJSON(t), &stored))
	stored.Annotations, stored.Labels = nil, nil
	update := stored.DeepCopy()
	update.Annotations = map[string]string{"oras.converged-computing.github.io/output-uri": "x", "example.org/other": "x"}
	res := send(t, mutator().handleKeys, admissionv1.Update, encode(t, *update), encode(t, stored))
	assert.Assert(t, res.Allowed)
	assert.Equal(t, len(res.Patches), 0)
	assert.DeepEqual(t, res.Warnings, []string{"output-uri: changed in a Job that is there already, which has no effect; delete the Job and create it again"})
	res = send(t, mutator().handleKeys, admissionv1.Update, encode(t, *update), encode(t, *update))
	assert.Equal(t, len(res.Warnings), 0)
}

// A Job's controllers, its deletion, and mistakes in keys that were added later must never be held up.
func TestUpdatesAreNeverDenied(t *testing.T) {
	stored, _ := create(t, jobJSON(t))
	update := stored.DeepCopy()
	update.Annotations["oras.converged-computing.github.io/nonsense"] = "x"
	update.Finalizers = nil
	res := send(t, mutator().handleJob, admissionv1.Update, encode(t, *update), encode(t, stored))
	assert.Assert(t, res.Allowed)
	assert.Equal(t, len(res.Patches), 0)
	assert.DeepEqual(t, res.Warnings, []string{"nonsense: changed in a Job that is there already, which has no effect; delete the Job and create it again"})
	bare := jobJSON(t)
	res = send(t, mutator().handleJob, admissionv1.Update, bare, bare)
	assert.Assert(t, res.Allowed)
	assert.Equal(t, len(res.Patches), 0, "a template that was stored without a sidecar cannot get one")
}
