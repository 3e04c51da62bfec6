package main

import "github.com/converged-computing/oras-operator/test/bench/gauge"

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
	gauge.Run
	Link   string   `json:"link,omitempty"` // what it was measured to be
	Tables []*table `json:"tables"`
}
