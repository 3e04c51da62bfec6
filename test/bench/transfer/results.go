package main

import (
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// measurement is one step of a workload with one tool.
type measurement struct {
	Workload string   `json:"workload"`
	Step     string   `json:"step"`
	Tool     string   `json:"tool"`
	Samples  []sample `json:"samples"`        // in the order of the rounds
	Wire     *traffic `json:"wire,omitempty"` // of one more run, where it was counted
}

// table is what was measured in one place with one registry.
type table struct {
	Title        string         `json:"title"`
	Lines        []verdict      `json:"lines"`
	Measurements []*measurement `json:"measurements"`
}

// of returns the measurement of a step, and makes it if there is none.
func (t *table) of(workload, step, tool string) *measurement {
	if m := t.find(workload, step, tool); m != nil {
		return m
	}
	m := &measurement{Workload: workload, Step: step, Tool: tool}
	t.Measurements = append(t.Measurements, m)
	return m
}

func (t *table) find(workload, step, tool string) *measurement {
	for _, m := range t.Measurements {
		if m.Workload == workload && m.Step == step && m.Tool == tool {
			return m
		}
	}
	return nil
}

// report is all of one run of the benchmark.
type report struct {
	Time    time.Time `json:"time"`
	Version string    `json:"version,omitempty"` // revision of this repository
	Go      string    `json:"go"`
	CPUs    int       `json:"cpus"`
	Rounds  int       `json:"rounds"`
	Scale   int       `json:"scale"`          // sizes or numbers of files were divided by it; figures mean something at 1
	Link    string    `json:"link,omitempty"` // what it was measured to be
	Tables  []*table  `json:"tables"`
}

func newReport(o options) *report {
	r := &report{Time: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), CPUs: runtime.NumCPU(), Rounds: o.rounds, Scale: o.scale}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				r.Version = s.Value
			}
		}
	}
	return r
}

func (r *report) writeJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// write writes the report as JSON and as Markdown, to a path without its suffix.
func (r *report) write(path string) error {
	if err := r.writeJSON(path + ".json"); err != nil {
		return err
	}
	f, err := os.Create(path + ".md")
	if err != nil {
		return err
	}
	if err := r.writeMarkdown(f); err != nil {
		_ = f.Close() // the cause matters more
		return err
	}
	return f.Close()
}
