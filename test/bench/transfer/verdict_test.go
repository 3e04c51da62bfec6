package main

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestGoals(t *testing.T) {
	for name, test := range map[string]struct {
		goal        goal
		of          metric
		ours, stock float64
		text        string
		met         bool
	}{
		"fast enough":               {atLeast(2.5), seconds, 1, 2.5, "≥ 2.5×", true},
		"too slow":                  {atLeast(2.5), seconds, 1, 2.4, "≥ 2.5×", false},
		"a share that is small":     {share(0.02), wire, 2, 100, "≤ 2 %", true},
		"a share that is too large": {share(0.02), wire, 3, 100, "≤ 2 %", false},
		"little memory":             {within(96 * mib), memory, 96 * mib, 0, "≤ 96.0 MiB", true},
		"much memory":               {within(96 * mib), memory, 97 * mib, 0, "≤ 96.0 MiB", false},
		"a short time":              {within(0.3), seconds, 0.2, 0, "≤ 0.300 s", true},
		"nothing on disk":           {within(0), disk, 0, 0, "none", true},
		"something on disk":         {within(0), disk, 1, 0, "none", false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.goal.text(test.of), test.text)
			assert.Equal(t, test.goal.met(test.ours, test.stock), test.met)
		})
	}
}

// measured is a table of one workload with three rounds of a push, a second push and a pull.
func measured() *table {
	t := &table{}
	for step, times := range map[string]map[string][3]float64{
		stepPush:  {toolOurs: {1, 3, 2}, toolStock: {12, 10, 11}},
		stepAgain: {toolOurs: {0.5, 0.5, 0.4}, toolStock: {10, 10, 10}},
		stepPull:  {toolOurs: {1, 1, 1}, toolStock: {2, 2, 2}},
	} {
		for tool, three := range times {
			m := t.of("w", step, tool)
			for i, s := range three {
				m.Samples = append(m.Samples, sample{Seconds: s, Memory: int64(i) * mib})
			}
			m.Wire = &traffic{Sent: 60, Received: 40}
		}
	}
	t.find("w", stepAgain, toolOurs).Wire = &traffic{Sent: 1, Received: 1}
	t.find("w", stepPush, toolStock).Samples[0].Disk = 5
	t.find("w", stepPull, toolOurs).Samples[0].Disk = 7
	return t
}

func TestALineIsHeldAgainstWhatWasMeasured(t *testing.T) {
	for name, test := range map[string]struct {
		line  line
		what  string
		ratio float64
		met   *bool
	}{
		"a time":                          {timed(stepPush, atLeast(5)), "push", 5.5, new(true)},
		"a time that is too long":         {timed(stepPush, atLeast(6)), "push", 5.5, new(false)},
		"a time without a goal":           {timed(stepPull, noGoal()), "pull", 2, nil},
		"against another step":            {timedAgainst(stepAgain, stepPush, atLeast(20)), "push again (of oras, the first push)", 22, new(true)},
		"bytes":                           {wired(stepAgain, stepPush, share(0.02)), "push again, bytes on the wire (of oras, the first push)", 50, new(true)},
		"memory":                          {remembered(stepPull, within(mib)), "pull, peak memory", 1, new(false)},
		"what was not measured":           {timed(stepPatch, within(1)), "patch", 0, nil},
		"relative to what there is not":   {line{of: seconds, ours: stepPush, stock: "none", goal: atLeast(1)}, "push (of oras, the none)", 0, nil},
		"a limit where there is no stock": {line{of: seconds, ours: stepPush, goal: within(2)}, "push", 0, new(true)},
	} {
		t.Run(name, func(t *testing.T) {
			v := judge(measured(), "w", test.line)
			assert.Equal(t, v.What, test.what)
			assert.Equal(t, v.Ratio, test.ratio)
			assert.DeepEqual(t, v.Met, test.met)
		})
	}
}

func TestOverallIsTheLargestOfAll(t *testing.T) {
	lines := overall(measured())
	assert.Equal(t, lines[0].Ours.Max, float64(2*mib))
	assert.DeepEqual(t, lines[0].Met, new(true))
	assert.Equal(t, lines[1].Ours.Max, 0.0, "a pull may use temporary disk")
	assert.Equal(t, lines[1].Stock.Max, 5.0)
	assert.DeepEqual(t, lines[1].Met, new(true))
}
