package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/converged-computing/oras-operator/pkg/inject"
)

// updatedJob returns an update of a Job as it is to be stored, and warnings for its author. The template of a Job cannot
// change, so where the update only takes back what was injected, it is put back as it was; anything else is left to
// Kubernetes to allow or refuse.
func updatedJob(raw, oldRaw []byte) ([]byte, []string, error) {
	job, old, err := decodeJobs(raw, oldRaw)
	if err != nil {
		return nil, nil, err
	}
	warnings := ineffective(job, old)
	template, ok := inject.Reapply(job.Spec.Template, old.Spec.Template)
	if !ok {
		return raw, warnings, nil
	}
	inherit(&template.ObjectMeta, old.Spec.Template.ObjectMeta)
	mutated := job
	mutated.Spec.Template = template
	object, err := apply(raw, job, mutated)
	return object, warnings, err
}

// changedKeys returns warnings for the author of an update that changes keys of a Job that is there already.
func changedKeys(raw, oldRaw []byte) ([]string, error) {
	job, old, err := decodeJobs(raw, oldRaw)
	if err != nil {
		return nil, err
	}
	return ineffective(job, old), nil
}

func decodeJobs(raw, oldRaw []byte) (job, old batchv1.Job, err error) {
	if err := errors.Join(json.Unmarshal(raw, &job), json.Unmarshal(oldRaw, &old)); err != nil {
		return job, old, fmt.Errorf("%w: decoding a Job: %w", ErrMalformed, err)
	}
	return job, old, nil
}

// ineffective warns of keys that an update changes: what they would change cannot.
func ineffective(job, old batchv1.Job) []string {
	was := metadata(old.Spec.Template.ObjectMeta)
	changed := slices.Concat(
		metadata(job.ObjectMeta).Changed(metadata(old.ObjectMeta)),
		metadata(job.Spec.Template.ObjectMeta).Inherit(was).Changed(was), // the manifest may leave out what it has from the Job
	)
	slices.Sort(changed)
	if changed = slices.Compact(changed); len(changed) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: changed in a Job that is there already, which has no effect; delete the Job and create it again", strings.Join(changed, ", "))}
}
