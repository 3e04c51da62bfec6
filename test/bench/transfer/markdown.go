package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/converged-computing/oras-operator/test/bench/gauge"
)

// writeMarkdown prints the tables of a report.
func (r *report) writeMarkdown(w io.Writer) error {
	p := printer{gauge.Printer{To: w}}
	p.Line("Medians of %d rounds with their range; peaks are the largest. %d processors, %s.", r.Rounds, r.CPUs, r.Go)
	if r.Scale != 1 {
		p.Line("\n**Sizes are divided by %d: the goals do not apply.**", r.Scale)
	}
	if r.Link != "" {
		p.Line("\n%s", r.Link)
	}
	for _, t := range r.Tables {
		p.Line("\n### %s\n", t.Title)
		p.goals(t)
		p.Line("")
		p.costs(t)
	}
	return p.Err
}

// printer prints the tables of a report.
type printer struct{ gauge.Printer }

// goals is the table of what is to be reached.
func (p *printer) goals(t *table) {
	p.Head("workload", "what", "oras", "ours", "ratio", "goal", "met", "cp and sha256sum")
	for _, v := range t.Lines {
		of := v.line.of
		p.Row(v.Workload, v.What, of.spread(v.Stock), of.spread(v.Ours), v.compared(), v.Goal, gauge.Yes(v.Met), of.spread(v.Floor))
	}
}

// costs is the table of what else each step took.
func (p *printer) costs(t *table) {
	p.Head("workload", "step", "tool", "time", "processor", "peak memory", "temporary disk",
		"registry: processor", "registry: peak memory", "sent", "received", "requests")
	for _, m := range t.Measurements {
		if len(m.Samples) == 0 {
			continue
		}
		p.Row(m.Workload, m.Step, m.Tool,
			seconds.format(median(m, func(s sample) float64 { return s.Seconds })),
			seconds.format(median(m, func(s sample) float64 { return s.CPU })),
			inBytes(slices.Max(memory.values(*m))), inBytes(slices.Max(disk.values(*m))),
			seconds.format(median(m, func(s sample) float64 { return s.RegistryCPU })),
			inBytes(median(m, func(s sample) float64 { return float64(s.RegistryMemory) })),
			sent(m.Wire), received(m.Wire), requests(m.Wire))
	}
}

func median(m *measurement, value func(sample) float64) float64 {
	var values []float64
	for _, s := range m.Samples {
		values = append(values, value(s))
	}
	return gauge.SpreadOf(values).Median
}

// spread writes a median with its range, if there is one.
func (m metric) spread(s *gauge.Spread) string {
	switch {
	case s == nil:
		return "–"
	case s.Min == s.Max:
		return m.format(s.Median)
	case m == seconds:
		return fmt.Sprintf("%s (%s to %s)", m.format(s.Median), m.format(s.Min), m.format(s.Max))
	}
	return fmt.Sprintf("%s (from %s)", m.format(s.Max), m.format(s.Min))
}

func sent(t *traffic) string {
	if t == nil {
		return ""
	}
	return inBytes(float64(t.Sent))
}

func received(t *traffic) string {
	if t == nil {
		return ""
	}
	return inBytes(float64(t.Received))
}

// requests lists how many there were by method.
func requests(t *traffic) string {
	if t == nil {
		return ""
	}
	var parts []string
	for _, method := range slices.Sorted(maps.Keys(t.Requests)) {
		parts = append(parts, fmt.Sprintf("%d %s", t.Requests[method], method))
	}
	return strings.Join(parts, ", ")
}
