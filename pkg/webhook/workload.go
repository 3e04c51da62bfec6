package webhook

import (
	"encoding/json"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/inject"
)

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
