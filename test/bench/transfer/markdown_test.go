package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/test/bench/gauge"
)

func TestTheReportIsReadableByPeopleAndPrograms(t *testing.T) {
	measured := measured()
	measured.Title = "A title"
	measured.find("w", stepPush, toolOurs).Wire.Requests = map[string]int{"PUT": 3, "HEAD": 1}
	for _, l := range []line{timed(stepPush, atLeast(6)), wired(stepAgain, stepPush, share(0.02))} {
		measured.Lines = append(measured.Lines, judge(measured, "w", l))
	}
	r := &report{Run: gauge.Run{Rounds: 3, Scale: 2, CPUs: 4, Go: "go1"}, Link: "A link.", Tables: []*table{measured}}
	path := filepath.Join(t.TempDir(), "results")
	assert.NilError(t, gauge.Save(path, r, r.writeMarkdown))

	text, err := os.ReadFile(path + ".md")
	assert.NilError(t, err)
	for _, line := range []string{
		"Medians of 3 rounds with their range; peaks are the largest. 4 processors, go1.",
		"**Sizes are divided by 2: the goals do not apply.**", "A link.", "### A title",
		"| w | push | 11.00 s (10.00 s to 12.00 s) | 2.00 s (1.00 s to 3.00 s) | 5.5× | ≥ 6× | **no** | – |",
		"| w | push again, bytes on the wire (of oras, the first push) | 0.1 KiB | 0.0 KiB | 2.0 % | ≤ 2 % | yes | – |",
		"| w | push | ours | 2.00 s | 0.000 s | 2.0 MiB | 0 | 0.000 s | 0 | 0.1 KiB | 0.0 KiB | 1 HEAD, 3 PUT |",
	} {
		assert.Assert(t, strings.Contains(string(text), line+"\n"), "%s\nis not in\n%s", line, text)
	}
	text, err = os.ReadFile(path + ".json")
	assert.NilError(t, err)
	var back report
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	assert.NilError(t, decoder.Decode(&back))
	assert.Equal(t, back.Tables[0].Lines[0].Ratio, 5.5)
	assert.Equal(t, len(back.Tables[0].find("w", stepPush, toolOurs).Samples), 3)
}
