package shim

import (
	"strconv"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

// commandEnv is the shim's own environment and, for each input that is one artifact, its reference by digest in
// ORAS_ARTIFACT_<ordinal>. The operator's own variables may hold placeholders, which are filled in.
func commandEnv(environ []string, inputs []handoff.Artifact, values placeholder.Values) []string {
	env := make([]string, 0, len(environ)+len(inputs))
	ours := make(map[string]bool, len(inputs))
	for _, input := range inputs {
		ours[artifactVariable(input)] = true
	}
	for _, entry := range environ {
		if name, _, _ := strings.Cut(entry, "="); !ours[name] {
			env = append(env, fillVariable(entry, values))
		}
	}
	for _, input := range inputs {
		if !input.Gathered {
			env = append(env, artifactVariable(input)+"="+input.Pinned())
		}
	}
	return env
}

func artifactVariable(input handoff.Artifact) string {
	return "ORAS_ARTIFACT_" + strconv.Itoa(input.Input)
}

// fillVariable finishes the variables that tell the command where its inputs and outputs are. What cannot be filled in
// stays as it is.
func fillVariable(entry string, values placeholder.Values) string {
	name, value, _ := strings.Cut(entry, "=")
	if name != "ORAS_INPUT_PATH" && name != "ORAS_OUTPUT_PATH" {
		return entry
	}
	filled, err := placeholder.Finish(value, values)
	if err != nil {
		return entry
	}
	return name + "=" + filled
}
