package main

import (
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/test/bench/gauge"
)

// measured is a report of one workload, in three rounds of which the last was slow for everybody.
func measured() (*report, workload) {
	r, w := &report{Run: gauge.Run{Rounds: 3, Scale: 1, CPUs: 2, Go: "go1"}}, workload{key: "w", name: "a workload", bytes: gib}
	for who, times := range map[string][3]sample{
		nameOurs:      {{Seconds: 2, CPU: 1}, {Seconds: 2, CPU: 1}, {Seconds: 20, CPU: 1}},
		nameStock:     {{Seconds: 3, CPU: 2}, {Seconds: 2.4, CPU: 3}, {Seconds: 24, CPU: 2}},
		nameOursUsers: {{Seconds: 2, CPU: 1.5}, {Seconds: 2, CPU: 1.5}, {Seconds: 2, CPU: 9}},
		nameFloor:     {{Seconds: 1}, {Seconds: 1}, {Seconds: 1}},
	} {
		for _, s := range times {
			s.Units, s.Memory = 4, 50*mib
			r.of(w, who).Samples = append(r.of(w, who).Samples, s)
		}
	}
	return r, w
}

func TestALineIsHeldAgainstWhatWasMeasured(t *testing.T) {
	for name, test := range map[string]struct {
		line       line
		what, goal string
		ratio      float64
		met        *bool
	}{
		"fast enough":                 {fast(1.2, 0), "rate", "≥ 1.2×", 1.2, new(true)},
		"too slow":                    {fast(1.3, 0), "rate", "≥ 1.3×", 1.2, new(false)},
		"too slow, but cheap":         {fast(1.3, 2), "rate", "≥ 1.3×, or ≥ 2× by processor time", 1.2, new(true)},
		"too slow, and not so cheap":  {fast(1.3, 2.5), "rate", "≥ 1.3×, or ≥ 2.5× by processor time", 1.2, new(false)},
		"without a goal":              {cheap(), "processor time", "", 2, nil},
		"little more for each":        {surcharge(nameOursUsers, nameOurs, 125*time.Millisecond), "processor time: ours, htpasswd beside ours", "≤ 125ms more", 1 / 1.5, new(true)},
		"more for each than it may":   {surcharge(nameOursUsers, nameOurs, 100*time.Millisecond), "processor time: ours, htpasswd beside ours", "≤ 100ms more", 1 / 1.5, new(false)},
		"more for each, without goal": {surcharge(nameOursUsers, nameOurs, 0), "processor time: ours, htpasswd beside ours", "", 1 / 1.5, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, w := measured()
			v, ok := judge(r, w, test.line, true)
			assert.Assert(t, ok)
			assert.Equal(t, v.What, test.what)
			assert.Equal(t, v.Goal, test.goal)
			assert.Assert(t, v.Ratio.Median-test.ratio < 1e-9 && test.ratio-v.Ratio.Median < 1e-9, v.Ratio.Median)
			assert.DeepEqual(t, v.Met, test.met)

			v, ok = judge(r, w, test.line, false)
			assert.Assert(t, ok)
			assert.Equal(t, v.Goal, "", "goals are for whole sizes")
			assert.Assert(t, v.Met == nil)
		})
	}
}

func TestALineOfWhatWasNotMeasuredIsLeftOut(t *testing.T) {
	r, w := measured()
	_, ok := judge(r, w, surcharge(nameOursTokens, nameOurs, within), true)
	assert.Assert(t, !ok)
}

func TestTheReportIsReadable(t *testing.T) {
	r, w := measured()
	r.Note = "A note."
	for _, l := range []line{fast(1.3, 0), cheap()} {
		v, ok := judge(r, w, l, true)
		assert.Assert(t, ok)
		r.Lines = append(r.Lines, v)
	}
	var text strings.Builder
	assert.NilError(t, r.writeMarkdown(&text))
	for _, line := range []string{
		"Medians of 3 rounds with their range. 2 processors, go1.", "A note.",
		"| a workload | rate | 1.33 GiB/s (0.17 GiB/s to 1.67 GiB/s) | 2.00 GiB/s (0.20 GiB/s to 2.00 GiB/s) | 1.20× (1.20× to 1.50×) | ≥ 1.3× | **no** | 4.00 GiB/s |",
		"| a workload | processor time | 0.500 s/GiB (0.500 s/GiB to 0.750 s/GiB) | 0.250 s/GiB (0.250 s/GiB to 0.250 s/GiB) | 2.00× (2.00× to 3.00×) |  |  | – |",
		"| a workload | floor | 4.00 GiB/s (4.00 GiB/s to 4.00 GiB/s) | – | – |",
	} {
		assert.Assert(t, strings.Contains(text.String(), line+"\n"), "%s\nis not in\n%s", line, text.String())
	}
}
