package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// ErrRefused is the error of an object that its author has to mend. The message lists every reason.
var ErrRefused = errors.New("cannot be a step of a workflow")

// ErrMalformed is the error of an object that is not what its kind says.
var ErrMalformed = errors.New("malformed object")

// FindCache returns the registry of an OrasCache, with warnings for the author of the pod. There being none, or none that
// can be used, is an ErrRefused.
type FindCache func(ctx context.Context, namespace, name string) (plan.Endpoint, []string, error)

// Mutator makes steps of objects in JSON. Fields that it does not know, of newer versions of Kubernetes, are kept.
type Mutator struct {
	SidecarImage    string            // holds /shim and /sidecar
	ImagePullPolicy corev1.PullPolicy // of that image; empty: Kubernetes decides
	FindCache       FindCache
}

// Pod returns the pod as it is to be created in the namespace, and warnings for its author. A pod without keys, or one
// that is injected already, comes back as it is.
func (m Mutator) Pod(ctx context.Context, raw []byte, namespace string) ([]byte, []string, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(raw, &pod); err != nil {
		return nil, nil, fmt.Errorf("%w: decoding a pod: %w", ErrMalformed, err)
	}
	out, warnings, err := m.step(ctx, corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}, namespace, false)
	if err != nil {
		return nil, warnings, err
	}
	mutated := pod
	mutated.ObjectMeta, mutated.Spec = out.ObjectMeta, out.Spec
	object, err := apply(raw, pod, mutated)
	return object, warnings, err
}

// Job returns the Job as it is to be created in the namespace, and warnings for its author: its template is a step
// if either has keys, and has the keys of both.
func (m Mutator) Job(ctx context.Context, raw []byte, namespace string) ([]byte, []string, error) {
	var job batchv1.Job
	if err := json.Unmarshal(raw, &job); err != nil {
		return nil, nil, fmt.Errorf("%w: decoding a Job: %w", ErrMalformed, err)
	}
	template := *job.Spec.Template.DeepCopy()
	keys := metadata(template.ObjectMeta).Inherit(metadata(job.ObjectMeta))
	template.Labels, template.Annotations = keys.Labels, keys.Annotations
	template, warnings, err := m.step(ctx, template, namespace, several(job.Spec))
	if err != nil {
		return nil, warnings, err
	}
	mutated := job
	mutated.Spec.Template = template
	object, err := apply(raw, job, mutated)
	return object, warnings, err
}

// UpdatedJob returns an update of a Job as it is to be stored. The template of a Job cannot change, so where the update
// only takes back what was injected, it is put back as it was; anything else is left to Kubernetes to allow or refuse.
func UpdatedJob(raw, oldRaw []byte) ([]byte, error) {
	var job, old batchv1.Job
	if err := errors.Join(json.Unmarshal(raw, &job), json.Unmarshal(oldRaw, &old)); err != nil {
		return nil, fmt.Errorf("%w: decoding a Job: %w", ErrMalformed, err)
	}
	template, ok := inject.Reapply(job.Spec.Template, old.Spec.Template)
	if !ok {
		return raw, nil
	}
	keys := metadata(template.ObjectMeta).Inherit(metadata(old.Spec.Template.ObjectMeta))
	template.Labels, template.Annotations = keys.Labels, keys.Annotations
	mutated := job
	mutated.Spec.Template = template
	return apply(raw, job, mutated)
}

// several tells whether more than one pod of a Job is meant to succeed.
func several(job batchv1.JobSpec) bool {
	return ptr.Deref(job.Parallelism, 1) > 1 || ptr.Deref(job.Completions, 1) > 1
}

// step makes a step of a pod that has keys and is none yet. Several says that it is one of several alike.
func (m Mutator) step(ctx context.Context, pod corev1.PodTemplateSpec, namespace string, several bool) (corev1.PodTemplateSpec, []string, error) {
	if !metadata(pod.ObjectMeta).Marked() || inject.Injected(pod.Spec) {
		return pod, nil, nil
	}
	p, warnings, err := plan.Parse(metadata(pod.ObjectMeta))
	if err != nil {
		return pod, warnings, refused(err)
	}
	endpoint, more, findErr := m.endpoint(ctx, p, namespace)
	warnings = append(warnings, more...)
	var missing *refusal
	if findErr != nil && !errors.As(findErr, &missing) {
		return pod, warnings, findErr
	}
	out, more, err := inject.Pod(pod, p, inject.Options{
		SidecarImage:    m.SidecarImage,
		ImagePullPolicy: m.ImagePullPolicy,
		Registry:        endpoint,
		Namespace:       namespace,
		Several:         several,
	})
	warnings = append(warnings, more...)
	if missing != nil {
		err = errors.Join(missing.reasons, err)
	}
	return out, warnings, refused(err)
}

func (m Mutator) endpoint(ctx context.Context, p plan.Plan, namespace string) (plan.Endpoint, []string, error) {
	if e, ok := p.Endpoint(); ok {
		return e, nil, nil
	}
	return m.FindCache(ctx, namespace, p.Cache)
}

func metadata(meta metav1.ObjectMeta) plan.Metadata {
	return plan.Metadata{Labels: meta.Labels, Annotations: meta.Annotations}
}
