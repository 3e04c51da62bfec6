package main

import "fmt"

// goal is what a line of the table is to reach.
type goal struct {
	kind  goalKind
	value float64
}

type goalKind int

const (
	none       goalKind = iota
	faster              // stock divided by ours, at least
	part                // ours divided by stock, at most
	atMostUnit          // ours, at most, in the unit of the line
)

func noGoal() goal            { return goal{} }
func atLeast(n float64) goal  { return goal{faster, n} }
func share(p float64) goal    { return goal{part, p} }
func within(v float64) goal   { return goal{atMostUnit, v} }
func (g goal) relative() bool { return g.kind == faster || g.kind == part }

// met reports whether a goal is reached. Without a stock value no goal that is relative to it is.
func (g goal) met(ours, stock float64) bool {
	switch g.kind {
	case faster:
		return stock > 0 && stock/ours >= g.value
	case part:
		return stock > 0 && ours/stock <= g.value
	case atMostUnit:
		return ours <= g.value
	}
	return true
}

// text is the goal in words, for a line of a metric.
func (g goal) text(of metric) string {
	switch g.kind {
	case faster:
		return fmt.Sprintf("≥ %g×", g.value)
	case part:
		return fmt.Sprintf("≤ %g %%", 100*g.value)
	case atMostUnit:
		if g.value == 0 {
			return "none"
		}
		return "≤ " + of.format(g.value)
	}
	return ""
}
