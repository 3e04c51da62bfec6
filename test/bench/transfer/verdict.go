package main

import (
	"fmt"

	"github.com/converged-computing/oras-operator/test/bench/gauge"
)

// verdict is a line of the table of goals with what was measured.
type verdict struct {
	Workload string        `json:"workload"`
	What     string        `json:"what"`
	Stock    *gauge.Spread `json:"oras,omitempty"`
	Ours     *gauge.Spread `json:"ours,omitempty"`
	Floor    *gauge.Spread `json:"floor,omitempty"` // of cp and sha256sum
	Ratio    float64       `json:"orasToOurs,omitempty"`
	Goal     string        `json:"goal,omitempty"`
	Met      *bool         `json:"met,omitempty"`

	line line
}

// judge holds a line of a workload against what was measured.
func judge(t *table, workload string, l line) verdict {
	v := verdict{Workload: workload, What: l.what(), Goal: l.goal.text(l.of), line: l}
	v.Ours = spreadIn(t, workload, l.ours, toolOurs, l.of)
	v.Stock = spreadIn(t, workload, l.stock, toolStock, l.of)
	if l.of == seconds {
		v.Floor = spreadIn(t, workload, toolFloor, toolFloor, l.of)
	}
	v.decide()
	return v
}

func spreadIn(t *table, workload, step, tool string, of metric) *gauge.Spread {
	m := t.find(workload, step, tool)
	if m == nil {
		return nil
	}
	values := of.values(*m)
	if len(values) == 0 {
		return nil
	}
	s := gauge.SpreadOf(values)
	return &s
}

// decide compares. What must not exceed something is held against the largest that was seen, times by their medians.
func (v *verdict) decide() {
	if v.Ours == nil {
		return
	}
	ours, stock := v.line.of.typical(*v.Ours), 0.0
	if v.Stock != nil {
		stock = v.line.of.typical(*v.Stock)
	}
	if stock > 0 && ours > 0 {
		v.Ratio = stock / ours
	}
	if v.line.goal.kind == none || (v.line.goal.relative() && v.Stock == nil) {
		return
	}
	met := v.line.goal.met(ours, stock)
	v.Met = &met
}

// typical is the value of a metric that counts.
func (m metric) typical(s gauge.Spread) float64 {
	if m == seconds {
		return s.Median
	}
	return s.Max
}

// overall are the lines about all workloads of a table.
func overall(t *table) []verdict {
	return []verdict{
		largest(t, memory, "push and pull, peak memory", maxMemory, push, pull),
		largest(t, disk, "push, temporary disk", 0, push),
	}
}

func largest(t *table, of metric, what string, limit float64, verbs ...verb) verdict {
	v := verdict{Workload: "all of the above", What: what, line: line{of: of, goal: within(limit)}}
	v.Goal = v.line.goal.text(of)
	for tool, to := range map[string]**gauge.Spread{toolOurs: &v.Ours, toolStock: &v.Stock} {
		var all []float64
		for _, m := range t.Measurements {
			if m.Tool == tool && hasVerb(m.Step, verbs) {
				all = append(all, of.values(*m)...)
			}
		}
		if len(all) > 0 {
			s := gauge.SpreadOf(all)
			*to = &s
		}
	}
	v.decide()
	return v
}

func hasVerb(step string, verbs []verb) bool {
	for _, v := range verbs {
		if step == string(v) || (v == push && step == stepAgain) {
			return true
		}
	}
	return false
}

// compared is how the ratio of stock to ours reads.
func (v verdict) compared() string {
	if v.Ratio == 0 {
		return ""
	}
	if v.line.of == seconds {
		return fmt.Sprintf("%.1f×", v.Ratio)
	}
	return fmt.Sprintf("%.1f %%", 100/v.Ratio)
}
