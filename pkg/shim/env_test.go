package shim

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestE20EnvironmentIsTheShimsAndThePinnedInputs(t *testing.T) {
	inputs := []handoff.Artifact{
		{Reference: "registry:5000/a:latest", Digest: "sha256:aa"},
		{Reference: "registry:5000/b:v1", Digest: "sha256:bb"},
	}
	environ := []string{"HOME=/", "EMPTY=", "ORAS_ARTIFACT_1=stale", "ORAS_ARTIFACT_7=mine", "nonsense"}
	assert.DeepEqual(t, commandEnv(environ, inputs), []string{
		"HOME=/", "EMPTY=", "ORAS_ARTIFACT_7=mine", "nonsense",
		"ORAS_ARTIFACT_0=registry:5000/a:latest@sha256:aa",
		"ORAS_ARTIFACT_1=registry:5000/b:v1@sha256:bb",
	})
	assert.DeepEqual(t, commandEnv(environ, nil), environ)
}
