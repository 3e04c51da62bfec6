package plan_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// Whatever the metadata, there is either a plan that holds together or an error of whole sentences, and the same one
// each time.
func FuzzParse(f *testing.F) {
	f.Add("input-uri_1", "a/b:v1@"+digest, "input-path", "/data", "debug", "true")
	f.Add("input-uri_01", "a", "input-uri_1", "b", "output-uri", "{index}")
	f.Add("output-path_2", "*", "output-uri_2", "localhost:5000/x", "registry", "[::1]:5000")
	f.Add("inptu-uri_99999999999999999999", "", "container", "a,,b", "push-timeout", "-1ns")
	f.Add("input-path", "../../\x00", "status", "x", "oras-container", "\xff")
	f.Add("input-uri", "sweep/p-*:{0..3}", "input-count", "2", "input-optional", "1")
	f.Add("input-uri_1", "p-{0..9999}-{pod}", "input-path_1", "/data/{index}/{{x", "output-uri", "{job}-{attempt}")
	f.Add("input-uri", "{99..1}", "input-path", "/{namespace}", "output-path", "[a-/{container}/**")
	f.Add("output-uri", "a", "output-pipe", "logs/{container}.txt", "output-path", "{{*.txt")
	f.Add("output-on", "always", "output-empty", "push", "wrap", "never")
	f.Add("shim-flags", `--breakpoint "before,after" --stdout-to='a b'\ c --no-hold`, "output-uri", "a", "debug", "0")
	f.Add("shim-flags", `-grace-period 5s --lend=bytes "`, "output-uri", "a", "wrap", "auto")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2, k3, v3 string) {
		m := plan.Metadata{
			Labels:      map[string]string{v1alpha1.KeyPrefix + k1: v1},
			Annotations: map[string]string{v1alpha1.KeyPrefix + k1: v3, v1alpha1.KeyPrefix + k2: v2, v1alpha1.KeyPrefix + k3: v3, v1alpha1.KeyPrefix + "oras-cache": "oras"},
		}
		p, warnings, err := plan.Parse(m)
		again, warningsAgain, errAgain := plan.Parse(m)
		assert.DeepEqual(t, p, again)
		assert.DeepEqual(t, warnings, warningsAgain)
		if err != nil {
			assert.Error(t, errAgain, err.Error())
			return
		}
		assert.Assert(t, p.PullTimeout > 0 && p.PushTimeout > 0)
		assert.Assert(t, len(p.Inputs)+len(p.Outputs) > 0)
		for _, in := range p.Inputs {
			assert.Assert(t, in.Artifact != "" && in.Wait >= 0 && in.Count >= 0)
			assert.Assert(t, in.Path != "/" && in.Path != ".." && !strings.HasPrefix(in.Path, "../"))
			assert.NilError(t, placeholder.Check(in.Artifact))
			assert.NilError(t, placeholder.Check(in.Path))
		}
		for _, out := range p.Outputs {
			assert.Assert(t, out.Artifact != "" && !strings.Contains(out.Artifact, "@"))
			assert.NilError(t, placeholder.Check(out.Artifact))
			assert.NilError(t, placeholder.Check(out.Path))
		}
		for _, flag := range p.ShimFlags {
			assert.Assert(t, strings.HasPrefix(flag, "--") && flag != "--")
		}
	})
}
