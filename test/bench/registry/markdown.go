package main

import (
	"fmt"
	"io"

	"github.com/converged-computing/oras-operator/test/bench/gauge"
)

// writeMarkdown prints the tables of a report.
func (r *report) writeMarkdown(w io.Writer) error {
	p := gauge.Printer{To: w}
	p.Line("Medians of %d rounds with their range. %d processors, %s.", r.Rounds, r.CPUs, r.Go)
	if r.Scale != 1 {
		p.Line("\n**Sizes are divided by %d: the goals do not apply.**", r.Scale)
	}
	if r.Note != "" {
		p.Line("\n%s", r.Note)
	}
	p.Line("\n### Beside the stock registry\n")
	p.Head("workload", "what", "stock, or what is named", "ours", "times as good", "goal", "met", "floor")
	for _, v := range r.Lines {
		floor := "–"
		if v.Floor != nil {
			floor = v.unit.format(v.of, *v.Floor)
		}
		p.Row(v.Workload, v.What, v.unit.ranged(v.of, v.Beside), v.unit.ranged(v.of, v.Ours),
			fmt.Sprintf("%.2f× (%.2f× to %.2f×)", v.Ratio.Median, v.Ratio.Min, v.Ratio.Max), v.Goal, gauge.Yes(v.Met), floor)
	}
	p.Line("\n### All that was measured\n")
	p.Head("workload", "who", "rate", "processor time", "peak memory")
	for _, m := range r.Measurements {
		processor, peak := "–", "–"
		if m.Who != nameFloor {
			processor, peak = m.ranged(cost, cost.spread(m)), m.ranged(memory, memory.spread(m))
		}
		p.Row(m.Workload, m.Who, m.ranged(rate, rate.spread(m)), processor, peak)
	}
	return p.Err
}

// ranged writes a median with its range.
func (of *measurement) ranged(m metric, s gauge.Spread) string {
	return fmt.Sprintf("%s (%s to %s)", of.format(m, s.Median), of.format(m, s.Min), of.format(m, s.Max))
}
