package plan

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestTheOperatorsPlaceInAContainerIsThatOfTheHandOff(t *testing.T) {
	assert.Equal(t, reserved, handoff.Root)
	assert.Equal(t, outDir, handoff.OutDir)
}
