// Package inject makes a workflow step of a pod: it adds the sidecar and the shim that a plan.Plan asks for. It is pure,
// with no client and no clock, so that the webhooks, operator inject and the tests share one function.
//
// What is added is told apart from what the user wrote by the names and commands in names.go, in the pod's spec alone:
// labels and annotations are copied from pod to pod too easily to be believed.
//
// Who keeps a command from starting without its inputs: the shim; so images are pulled while inputs are. An init container,
// the gate, does where a shim would come too late (probes, a postStart hook) or where a container without one sees a volume
// of an input: an init container of the user's, a neighbour, or all of an unwrapped step. It waits only for inputs on
// volumes, and never beside the proxy of a mesh that is a regular container: before that there is no network.
//
// A step is unwrapped, without any shim, where wrap is never, and where a container has no command and nothing but inputs
// at absolute paths is asked for. Its outputs lie on volumes, are mounted in the sidecar and pushed when the pod ends.
package inject
