package main

import (
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

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
	Time         time.Time      `json:"time"`
	Version      string         `json:"version,omitempty"` // revision of this repository
	Go           string         `json:"go"`
	CPUs         int            `json:"cpus"`
	Rounds       int            `json:"rounds"`
	Scale        int            `json:"scale"`          // sizes or numbers were divided by it; figures mean something at 1
	Note         string         `json:"note,omitempty"` // what could not be measured, and why
	Lines        []verdict      `json:"lines"`
	Measurements []*measurement `json:"measurements"`
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

// write writes the report as JSON and as Markdown, to a path without its suffix.
func (r *report) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".json", append(text, '\n'), 0o644); err != nil {
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
