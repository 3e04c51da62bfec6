package shim

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

func TestE20EnvironmentIsTheShimsAndThePinnedInputs(t *testing.T) {
	inputs := []handoff.Artifact{
		{Reference: "registry:5000/a:latest", Digest: "sha256:aa"},
		{Reference: "registry:5000/b:v1", Digest: "sha256:bb", Input: 1},
	}
	environ := []string{"HOME=/", "EMPTY=", "ORAS_ARTIFACT_1=stale", "ORAS_ARTIFACT_7=mine", "nonsense"}
	assert.DeepEqual(t, commandEnv(environ, inputs, nil), []string{
		"HOME=/", "EMPTY=", "ORAS_ARTIFACT_7=mine", "nonsense",
		"ORAS_ARTIFACT_0=registry:5000/a:latest@sha256:aa",
		"ORAS_ARTIFACT_1=registry:5000/b:v1@sha256:bb",
	})
	assert.DeepEqual(t, commandEnv(environ, nil, nil), environ)
}

func TestVariablesOfTheOperatorAreFilledInAndNoOthers(t *testing.T) {
	environ := []string{"ORAS_INPUT_PATH=/in/{pod}", "ORAS_OUTPUT_PATH=out-{index}-{{x}", "MINE={pod}"}
	assert.DeepEqual(t, commandEnv(environ, nil, placeholder.Values{"index": "7", "container": "app"}), []string{
		"ORAS_INPUT_PATH=/in/{pod}", "ORAS_OUTPUT_PATH=out-7-{x}", "MINE={pod}",
	})
}

func TestGatheredInputsHaveNoVariable(t *testing.T) {
	inputs := []handoff.Artifact{{Reference: "a", Digest: "d", Gathered: true}, {Reference: "b", Digest: "e", Input: 1}}
	assert.DeepEqual(t, commandEnv(nil, inputs, nil), []string{"ORAS_ARTIFACT_1=b@e"})
}
