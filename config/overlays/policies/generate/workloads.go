package main

import (
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
)

// workload is a kind of object that makes pods, or Jobs that do. The fields are expressions.
type workload struct {
	name       string // of the webhook, without the domain
	operations []admissionv1.OperationType
	each       string   // list of what has a template
	pod        string   // template of pods of one of them, each
	where      string   // begins what is said about it
	sources    []string // metadata that keys are read from, the first with a key deciding
}

func workloads() []workload {
	return []workload{
		{
			// Once there is a Job, its keys have had their effect, and an update only has to be possible.
			name: "jobs", operations: []admissionv1.OperationType{admissionv1.Create},
			each: "[object]", pod: "each.spec.template", where: `""`,
			sources: []string{"each.spec.template", "each"},
		},
		{
			name: "templates",
			each: "[object]", pod: "each.spec.template", where: `"spec.template: "`,
			sources: []string{"each.spec.template"},
		},
		{
			name: "cronjobs",
			each: "[object.spec.jobTemplate]", pod: "each.spec.template", where: `"spec.jobTemplate: "`,
			sources: []string{"each.spec.template", "each"},
		},
		{
			name: "jobsets",
			each: "object.spec.replicatedJobs", pod: "each.template.spec.template", where: `"spec.replicatedJobs[" + each.name + "].template: "`,
			sources: []string{"each.template.spec.template", "each.template"},
		},
	}
}

// metadata lists the maps that keys are read from: labels and annotations of each source.
func (w workload) metadata() string {
	var maps []string
	for _, source := range w.sources {
		for _, kind := range []string{"labels", "annotations"} {
			maps = append(maps, "  dyn("+source+".?metadata.?"+kind+".orValue({}))")
		}
	}
	return strings.Join(maps, ",\n")
}
