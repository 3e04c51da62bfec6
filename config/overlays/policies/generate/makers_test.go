package main

import (
	"maps"
	"testing"

	"gotest.tools/v3/assert"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// makers are what makes pods of a template, by resource, the JobSet of two such templates.
func makers(template corev1.PodTemplateSpec) map[string]runtime.Object {
	job := batchv1.JobSpec{Template: template}
	return map[string]runtime.Object{
		"jobs":         &batchv1.Job{TypeMeta: meta("batch", "Job"), Spec: job},
		"cronjobs":     &batchv1.CronJob{TypeMeta: meta("batch", "CronJob"), Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: job}}},
		"deployments":  &appsv1.Deployment{TypeMeta: meta("apps", "Deployment"), Spec: appsv1.DeploymentSpec{Template: template}},
		"statefulsets": &appsv1.StatefulSet{TypeMeta: meta("apps", "StatefulSet"), Spec: appsv1.StatefulSetSpec{Template: template}},
		"daemonsets":   &appsv1.DaemonSet{TypeMeta: meta("apps", "DaemonSet"), Spec: appsv1.DaemonSetSpec{Template: template}},
		"replicasets":  &appsv1.ReplicaSet{TypeMeta: meta("apps", "ReplicaSet"), Spec: appsv1.ReplicaSetSpec{Template: template}},
		"jobsets":      jobSet(job, job),
	}
}

func jobSet(jobs ...batchv1.JobSpec) *unstructured.Unstructured {
	var list []any
	for i, job := range jobs {
		template, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&batchv1.JobTemplateSpec{Spec: job})
		if err != nil {
			panic(err)
		}
		list = append(list, map[string]any{"name": string(rune('a' + i)), "template": template})
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": map[string]any{"name": "x"},
		"spec": map[string]any{"replicatedJobs": list},
	}}
}

// Every kind of workload is asked about when it is made and when its template changes, and told where the mistake is.
func TestEveryKindOfWorkloadIsLookedAt(t *testing.T) {
	s := newServer(t, versions()["1.30"])
	keys := map[string]string{"oras.converged-computing.github.io/oras-cache": "oras", "oras.converged-computing.github.io/output-uri": "a"}
	right := makers(corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: keys}})
	keys = maps.Clone(keys)
	keys["oras.converged-computing.github.io/debug"] = "yes"
	wrong := makers(corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: keys}})
	const mistake = `debug: "yes" is neither true nor false; write one of the two`
	for resource, want := range map[string]string{
		"jobs":         "this Job cannot be a step of a workflow: " + mistake,
		"cronjobs":     "this CronJob cannot be a step of a workflow: spec.jobTemplate: " + mistake,
		"deployments":  "this Deployment cannot be a step of a workflow: spec.template: " + mistake,
		"statefulsets": "this StatefulSet cannot be a step of a workflow: spec.template: " + mistake,
		"daemonsets":   "this DaemonSet cannot be a step of a workflow: spec.template: " + mistake,
		"replicasets":  "this ReplicaSet cannot be a step of a workflow: spec.template: " + mistake,
		"jobsets":      "this JobSet cannot be a step of a workflow: spec.replicatedJobs[a].template: " + mistake + "; spec.replicatedJobs[b].template: " + mistake,
	} {
		t.Run(resource, func(t *testing.T) {
			assert.Equal(t, s.decide(t, resource, right[resource]), "")
			assert.Equal(t, s.decide(t, resource, wrong[resource]), want)
			assert.Equal(t, s.update(t, resource, wrong[resource], wrong[resource]), "", "the template is what it was")
			if resource != "jobs" { // whose templates do not change
				assert.Equal(t, s.update(t, resource, wrong[resource], right[resource]), want)
			}
		})
	}
}
