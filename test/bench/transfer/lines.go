package main

import "fmt"

// line is one of the table of goals.
type line struct {
	of    metric
	ours  string // step of ours; empty is the largest of all steps
	stock string // step of stock that it is held against, if there is one
	goal  goal
}

func timed(step string, g goal) line { return timedAgainst(step, step, g) }
func timedAgainst(ours, stock string, g goal) line {
	return line{of: seconds, ours: ours, stock: stock, goal: g}
}
func wired(ours, stock string, g goal) line { return line{of: wire, ours: ours, stock: stock, goal: g} }
func remembered(step string, g goal) line   { return line{of: memory, ours: step, stock: step, goal: g} }

// what says what a line is about.
func (l line) what() string {
	s := l.ours
	switch l.of {
	case memory:
		s += ", peak memory"
	case disk:
		s += ", temporary disk"
	case wire:
		s += ", bytes on the wire"
	}
	if l.stock != "" && l.stock != l.ours {
		s += fmt.Sprintf(" (of oras, the %s)", firstOr(l.stock))
	}
	return s
}

func firstOr(step string) string {
	if step == stepPush {
		return "first push"
	}
	return step
}

// metric is what is measured of a run.
type metric int

const (
	seconds metric = iota
	memory
	disk
	wire
)

// format writes a value with its unit.
func (m metric) format(v float64) string {
	if m == seconds {
		if v < 1 {
			return fmt.Sprintf("%.3f s", v)
		}
		return fmt.Sprintf("%.2f s", v)
	}
	return inBytes(v)
}

// inBytes writes a number of bytes in the unit that suits it.
func inBytes(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= gib:
		return fmt.Sprintf("%.2f GiB", v/gib)
	case v >= mib:
		return fmt.Sprintf("%.1f MiB", v/mib)
	}
	return fmt.Sprintf("%.1f KiB", v/kib)
}

// values are a metric's of some measurements' runs; of the wire there is one, or none.
func (m metric) values(of measurement) []float64 {
	if m == wire {
		if of.Wire == nil {
			return nil
		}
		return []float64{float64(of.Wire.Sent + of.Wire.Received)}
	}
	var values []float64
	for _, s := range of.Samples {
		switch m {
		case memory:
			values = append(values, float64(s.Memory))
		case disk:
			values = append(values, float64(s.Disk))
		default:
			values = append(values, s.Seconds)
		}
	}
	return values
}
