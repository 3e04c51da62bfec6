package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// CheckStep refuses a pod that carries keys and, after all other webhooks have changed it, is not whole as a step. It would
// compute on missing inputs, or never start. What another webhook changes last, no mutating one can put right.
func CheckStep(raw []byte) error {
	var pod corev1.Pod
	if err := json.Unmarshal(raw, &pod); err != nil {
		return fmt.Errorf("%w: decoding a pod: %w", ErrMalformed, err)
	}
	if !metadata(pod.ObjectMeta).Marked() || isMirror(pod.ObjectMeta) {
		return nil
	}
	p, _, err := plan.Parse(metadata(pod.ObjectMeta))
	if err == nil && inject.Bystander(corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}, p) {
		return nil
	}
	if damage := inject.Damage(pod.Spec); damage != "" {
		return refused(fmt.Errorf("%s; another admission webhook has changed the pod after the operator did: let that one leave it alone, or come before the operator's", damage))
	}
	return nil
}

// CheckTemplates refuses a workload that makes pods of a template with keys that no step can have, before the workload makes
// the first. Warnings are for its author. What only the moment of a pod's creation can tell, such as whether the OrasCache is
// there, is not looked at.
func (m Mutator) CheckTemplates(ctx context.Context, raw []byte, namespace string) ([]string, error) {
	found, err := templates(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	later := m
	later.CheckNodes, later.FindBounds, later.later = nil, nil, true
	later.FindCommand = func(context.Context, string, corev1.PodSpec, string) inject.ImageCommand {
		return inject.ImageCommand{Entrypoint: []string{"of the image"}}
	}
	var warnings []string
	var reasons []error
	marked, steps := false, false
	for _, t := range found.templates {
		out, more, err := later.step(ctx, t.PodTemplateSpec, namespace, t.several)
		marked = marked || metadata(t.ObjectMeta).Marked()
		steps = steps || inject.Injected(out.Spec)
		for _, warning := range more {
			warnings = append(warnings, t.path+": "+warning)
		}
		var wrong *refusal
		switch {
		case errors.As(err, &wrong):
			for _, reason := range wrong.reasons {
				reasons = append(reasons, fmt.Errorf("%s: %w", t.path, reason))
			}
		case err != nil:
			return warnings, err
		}
	}
	if marked && !steps && len(reasons) == 0 { // all of them are pods in another role than the step's
		reasons = append(reasons, &plan.Problem{
			Key: v1alpha1.KeyContainer, Text: fmt.Sprintf("no pod that the %s makes has such a container; name one that the pods of some role have", found.kind),
		})
	}
	if keys := metadata(found.own).Keys(); len(keys) > 0 {
		warnings = append(warnings, fmt.Sprintf("metadata: %s: has no effect on the %s itself; write it into %s",
			strings.Join(keys, ", "), found.kind, found.where))
	}
	return warnings, refused(errors.Join(reasons...))
}

// isMirror tells whether a pod only stands for one that a kubelet runs from a file, as it is written there.
func isMirror(meta metav1.ObjectMeta) bool {
	_, mirror := meta.Annotations[corev1.MirrorPodAnnotationKey]
	return mirror
}

// workload is what makes pods.
type workload struct {
	kind      string
	own       metav1.ObjectMeta
	where     string // its keys have to be, instead of in own
	templates []template
}

// template is of which pods are made.
type template struct {
	corev1.PodTemplateSpec
	path    string // in the workload
	several bool   // pods that are meant to succeed
}

// templates finds the templates of a workload in JSON: a CronJob, a JobSet, or anything that has one at spec.template.
func templates(raw []byte) (workload, error) {
	var object struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
		Spec              struct {
			Template       corev1.PodTemplateSpec   `json:"template"`
			JobTemplate    *batchv1.JobTemplateSpec `json:"jobTemplate"`
			ReplicatedJobs []struct {
				Name     string                  `json:"name"`
				Template batchv1.JobTemplateSpec `json:"template"`
			} `json:"replicatedJobs"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return workload{}, fmt.Errorf("decoding the templates of a workload: %w", err)
	}
	w := workload{kind: object.Kind, own: object.ObjectMeta}
	switch {
	case object.Spec.JobTemplate != nil:
		w.where = "spec.jobTemplate.metadata"
		w.templates = []template{ofJob(*object.Spec.JobTemplate, "spec.jobTemplate")}
	case len(object.Spec.ReplicatedJobs) > 0:
		w.where = "the template of a replicated Job"
		for _, job := range object.Spec.ReplicatedJobs {
			t := ofJob(job.Template, fmt.Sprintf("spec.replicatedJobs[%s].template", job.Name))
			metav1.SetMetaDataLabel(&t.ObjectMeta, inject.JobSetRole, job.Name) // as its pods will have it
			w.templates = append(w.templates, t)
		}
	default:
		w.where = "spec.template.metadata"
		w.templates = []template{{PodTemplateSpec: object.Spec.Template, path: "spec.template"}}
	}
	return w, nil
}

// ofJob is the template of pods of Jobs to come, with the keys that their Jobs will have.
func ofJob(job batchv1.JobTemplateSpec, path string) template {
	pod := job.Spec.Template
	inherit(&pod.ObjectMeta, job.ObjectMeta)
	return template{PodTemplateSpec: pod, path: path, several: several(job.Spec)}
}
