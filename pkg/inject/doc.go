// Package inject makes a workflow step of a pod: it adds the sidecar and the shim that a plan.Plan asks for. It is pure,
// with no client and no clock, so that the webhooks, operator inject and the tests share one function.
//
// What is added is told apart from what the user wrote by the names and commands in names.go, in the pod's spec alone:
// labels and annotations are copied from pod to pod too easily to be believed.
package inject
