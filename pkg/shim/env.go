package shim

import (
	"strconv"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// commandEnv is the shim's own environment and, for each input, its reference by digest in ORAS_ARTIFACT_<ordinal>.
func commandEnv(environ []string, inputs []handoff.Artifact) []string {
	env := make([]string, 0, len(environ)+len(inputs))
	ours := make(map[string]bool, len(inputs))
	for i := range inputs {
		ours["ORAS_ARTIFACT_"+strconv.Itoa(i)] = true
	}
	for _, entry := range environ {
		if name, _, _ := strings.Cut(entry, "="); !ours[name] {
			env = append(env, entry)
		}
	}
	for i, input := range inputs {
		env = append(env, "ORAS_ARTIFACT_"+strconv.Itoa(i)+"="+input.Pinned())
	}
	return env
}
