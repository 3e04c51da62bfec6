package soak

import (
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

func TestASeedGivesTheSameWorkflowsAndKills(t *testing.T) {
	assert.DeepEqual(t, Plan(7, 3), Plan(7, 3))
	assert.Assert(t, Plan(7, 3).Steps[0].Tree != Plan(7, 4).Steps[0].Tree)
	assert.Assert(t, Plan(7, 3).Steps[0].Tree != Plan(8, 3).Steps[0].Tree)
	assert.DeepEqual(t, firstKills(7, 50), firstKills(7, 50))
	assert.Assert(t, !slices.Equal(firstKills(7, 50), firstKills(8, 50)))
}

func TestEveryParticipantIsKilledBeforeLong(t *testing.T) {
	seen := map[Participant]bool{}
	for _, kill := range firstKills(1, 300) {
		seen[kill.Who] = true
	}
	for _, who := range Participants() {
		assert.Assert(t, seen[who], who)
	}
}

func TestAStepNeedsOnlyWhatEarlierStepsYield(t *testing.T) {
	for n := range 200 {
		yield := map[string]bool{}
		for _, s := range Plan(1, n).Steps {
			for _, need := range s.Needs {
				assert.Assert(t, yield[need], "%s of workflow %d needs %s", s.Name, n, need)
			}
			yield[s.Name] = s.ExitCode == 0 && s.On != "failure"
		}
	}
}

func firstKills(seed uint64, n int) (all []Kill) {
	for kill := range kills(seed) {
		all = append(all, kill)
		if len(all) == n {
			break
		}
	}
	return all
}
