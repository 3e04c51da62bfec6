package plan

import (
	"slices"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

// checkUnwaited finds a file for standard output whose name the shim would learn while it waits for the inputs, where it
// does not wait: what the pod is, the sidecar says together with that they are there.
func (r *reader) checkUnwaited(pipe string, flags []string) {
	if wait, _ := lastOf(flags, noWaitFlag); wait != "true" {
		return
	}
	key := v1alpha1.KeyOutputPipe
	if own, given := lastOf(flags, stdoutFlag); given {
		key, pipe = v1alpha1.KeyShimFlags, own
	}
	told := []string{placeholder.Pod, placeholder.Job, placeholder.Index}
	i := slices.IndexFunc(placeholder.In(pipe), func(name string) bool { return slices.Contains(told, name) })
	if i < 0 {
		return
	}
	value, _ := r.one(key)
	r.add(key, value, "holds {%s} in the name of a file, which the shim learns while it waits for the inputs, and with --%s in %s it does not wait; remove either, or write {namespace}, {container} or {attempt}",
		placeholder.In(pipe)[i], noWaitFlag, v1alpha1.KeyShimFlags)
}

// lastOf is the value of a flag as the shim takes it: the last of several is meant.
func lastOf(flags []string, name string) (value string, given bool) {
	for _, flag := range flags {
		if text, ok := strings.CutPrefix(flag, "--"+name+"="); ok {
			value, given = text, true
		}
	}
	return value, given
}
