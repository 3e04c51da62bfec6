package inject_test

import (
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/shim"
)

// The injector and the shim meet only in a pod: what the one writes, the other must read.
func TestEveryShimTakesItsFlags(t *testing.T) {
	wrapped := 0
	for _, name := range accepted(t) {
		for _, c := range read(t, name, "golden.yaml").Spec.Containers {
			if len(c.Command) == 0 || c.Command[0] != handoff.ShimPath {
				continue
			}
			wrapped++
			opts, err := shim.ParseOptions(c.Command[1:])
			assert.NilError(t, err, "%s: container %s", name, c.Name)
			assert.DeepEqual(t, opts.Command, c.Command[slices.Index(c.Command, "--")+1:])
		}
	}
	assert.Assert(t, wrapped > 20)
}
