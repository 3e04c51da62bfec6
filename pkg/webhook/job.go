package webhook

import (
	"context"
	"encoding/json"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/utils/ptr"
)

// Job returns the Job as it is to be created in the namespace, and warnings for its author: its template is a step
// if either has keys, and has the keys of both.
func (m Mutator) Job(ctx context.Context, raw []byte, namespace string) ([]byte, []string, error) {
	var job batchv1.Job
	if err := json.Unmarshal(raw, &job); err != nil {
		return nil, nil, fmt.Errorf("%w: decoding a Job: %w", ErrMalformed, err)
	}
	template := *job.Spec.Template.DeepCopy()
	inherit(&template.ObjectMeta, job.ObjectMeta)
	template, warnings, err := m.step(ctx, template, namespace, several(job.Spec))
	if err != nil {
		return nil, warnings, err
	}
	mutated := job
	mutated.Spec.Template = template
	object, err := apply(raw, job, mutated)
	return object, warnings, err
}

// several tells whether more than one pod of a Job is meant to succeed.
func several(job batchv1.JobSpec) bool {
	return ptr.Deref(job.Parallelism, 1) > 1 || ptr.Deref(job.Completions, 1) > 1
}
