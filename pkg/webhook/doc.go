// Package webhook brings packages plan and inject to the API server: it decodes a request, finds the registry that the
// object's keys name, and answers with a lossless patch or with every reason for a denial.
//
// Pods are injected when they are created. So are Jobs, in their template, that quotas see the whole pod and mistakes are
// told to the person who made the Job; the pods of such a Job then need nothing more. Updates of Jobs are never denied.
//
// A request comes to handle.go. What is asked of the object has a file each: pod.go, job.go and update.go make steps of it, by
// way of mutator.go, and check_step.go and check_templates.go refuse what cannot be one. answer.go says the outcome.
package webhook
