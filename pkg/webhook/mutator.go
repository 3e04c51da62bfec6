package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
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
	SidecarImage  string // holds /shim and /sidecar
	FindCache     FindCache
	FindCommand   FindCommand // nil: images are not looked up
	CheckNodes    CheckNodes  // nil: any node will do
	FindBounds    FindBounds  // nil: no namespace has any
	AssignedUsers bool        // the cluster assigns users to pods that name none, and may refuse others

	Explain func(inject.Choice) // is told of every decision; nil: nobody is

	decisions *prometheus.CounterVec // nil: nothing is counted

	later bool // pods come later: an OrasCache need not be there yet
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

// UpdatedJob returns an update of a Job as it is to be stored, and warnings for its author. The template of a Job cannot
// change, so where the update only takes back what was injected, it is put back as it was; anything else is left to
// Kubernetes to allow or refuse.
func UpdatedJob(raw, oldRaw []byte) ([]byte, []string, error) {
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

// ChangedKeys returns warnings for the author of an update that changes keys of a Job that is there already.
func ChangedKeys(raw, oldRaw []byte) ([]string, error) {
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

// several tells whether more than one pod of a Job is meant to succeed.
func several(job batchv1.JobSpec) bool {
	return ptr.Deref(job.Parallelism, 1) > 1 || ptr.Deref(job.Completions, 1) > 1
}

// step makes a step of a pod that has keys and is none yet. Several says that it is one of several alike.
func (m Mutator) step(ctx context.Context, pod corev1.PodTemplateSpec, namespace string, several bool) (corev1.PodTemplateSpec, []string, error) {
	if !metadata(pod.ObjectMeta).Marked() || isMirror(pod.ObjectMeta) {
		return pod, nil, nil
	}
	if inject.Injected(pod.Spec) {
		return pod, m.outdated(ctx, pod, namespace), nil
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
	more, err = m.checkNodes(ctx, pod.Spec)
	warnings = append(warnings, more...)
	if err != nil {
		return pod, warnings, err
	}
	bounds, err := m.bounds(ctx, namespace)
	if err != nil {
		return pod, warnings, err
	}
	out, more, err := inject.Pod(pod, p, inject.Options{
		SidecarImage:  m.SidecarImage,
		Registry:      endpoint,
		Namespace:     namespace,
		Several:       several,
		AssignedUsers: m.AssignedUsers,
		Bounds:        bounds,
		Images:        m.images(ctx, pod, p, namespace),
		Explain:       m.Explain,
	})
	warnings = append(warnings, more...)
	if missing != nil {
		err = errors.Join(errors.Join(missing.reasons...), err)
	}
	return out, warnings, refused(err)
}

// outdated warns of what is injected already and does something else than it would if it were injected now.
func (m Mutator) outdated(ctx context.Context, pod corev1.PodTemplateSpec, namespace string) []string {
	p, _, err := plan.Parse(metadata(pod.ObjectMeta))
	if err != nil {
		return []string{fmt.Sprintf("the pod was injected before its keys were changed, and does what they said then: %v", err)}
	}
	var warnings []string
	if registry := inject.Elsewhere(pod.Spec, p, namespace); registry != "" {
		warnings = append(warnings, fmt.Sprintf("%s: the pod was injected for another namespace than %q, and uses the registry there, %s; create it from a manifest that was not injected, or have operator inject --namespace=%s do it",
			v1alpha1.KeyCache, namespace, registry, namespace))
	} else if fields := m.shutOut(ctx, pod.Spec, p, namespace); len(fields) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s: the pod was injected before %s of OrasCache %q changed, and will not reach the registry or not be let in; create it from a manifest that was not injected",
			v1alpha1.KeyCache, strings.Join(fields, " and "), p.Cache))
	}
	if keys := inject.Outdated(pod.Spec, p); len(keys) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s: changed in a pod that was injected before, and does what it said then; create it from a manifest that was not injected", strings.Join(keys, ", ")))
	}
	return warnings
}

// shutOut lists the fields of the pod's OrasCache by which it is shut out. Where the OrasCache cannot be asked nothing is known.
func (m Mutator) shutOut(ctx context.Context, pod corev1.PodSpec, p plan.Plan, namespace string) []string {
	if p.Registry != "" {
		return nil
	}
	registry, _, err := m.FindCache(ctx, namespace, p.Cache)
	if err != nil {
		return nil
	}
	return inject.ShutOut(pod, p, registry)
}

func (m Mutator) checkNodes(ctx context.Context, pod corev1.PodSpec) ([]string, error) {
	if m.CheckNodes == nil {
		return nil, nil
	}
	return m.CheckNodes(ctx, pod)
}

func (m Mutator) bounds(ctx context.Context, namespace string) (inject.Bounds, error) {
	if m.FindBounds == nil {
		return inject.Bounds{}, nil
	}
	return m.FindBounds(ctx, namespace)
}

func (m Mutator) endpoint(ctx context.Context, p plan.Plan, namespace string) (plan.Endpoint, []string, error) {
	if e, ok := p.Endpoint(); ok {
		return e, nil, nil
	}
	if m.later {
		return plan.Endpoint{Host: v1alpha1.Endpoint(namespace, p.Cache), PlainHTTP: true}, nil, nil
	}
	return m.FindCache(ctx, namespace, p.Cache)
}

func metadata(meta metav1.ObjectMeta) plan.Metadata {
	return plan.Metadata{Labels: meta.Labels, Annotations: meta.Annotations}
}

// inherit gives a template the keys of its Job that it lacks.
func inherit(template *metav1.ObjectMeta, job metav1.ObjectMeta) {
	keys := metadata(*template).Inherit(metadata(job))
	template.Labels, template.Annotations = keys.Labels, keys.Annotations
}
