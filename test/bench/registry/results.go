package main

import "github.com/converged-computing/oras-operator/test/bench/gauge"

// sample is what one pass took.
type sample struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpuSeconds"`      // of the registry, in user and system mode
	Memory  int64   `json:"peakMemoryBytes"` // of the registry, resident, since it was started
	Units   float64 `json:"units"`           // GiB or items
}

func (s sample) rate() float64 { return s.Units / s.Seconds }
func (s sample) cost() float64 { return s.CPU / s.Units }

// measurement is a workload with one contender.
type measurement struct {
	Workload string   `json:"workload"`
	Who      string   `json:"who"`
	Unit     string   `json:"unit"`
	Samples  []sample `json:"samples"` // in the order of the rounds
	key      string
}

// report is all of one run of the benchmark.
type report struct {
	gauge.Run
	Note         string         `json:"note,omitempty"` // what could not be measured, and why
	Lines        []verdict      `json:"lines"`
	Measurements []*measurement `json:"measurements"`
}

// of returns the measurement of a workload with a contender, and makes it if there is none.
func (r *report) of(w workload, who string) *measurement {
	if m := r.find(w.key, who); m != nil {
		return m
	}
	m := &measurement{Workload: w.name, Who: who, Unit: unitItem, key: w.key}
	if w.bytes > 0 {
		m.Unit = unitGiB
	}
	r.Measurements = append(r.Measurements, m)
	return m
}

const (
	unitItem = "item"
	unitGiB  = "GiB"
)

func (r *report) find(key, who string) *measurement {
	for _, m := range r.Measurements {
		if m.key == key && m.Who == who {
			return m
		}
	}
	return nil
}
