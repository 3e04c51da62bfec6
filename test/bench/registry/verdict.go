package main

import (
	"fmt"
	"time"

	"github.com/converged-computing/oras-operator/test/bench/gauge"
)

// line is one of the table of goals: a contender beside another one, by a metric.
type line struct {
	of           metric
	ours, beside string
	times        float64       // the goal: at least so many times as good; 0 is none
	orCheaper    float64       // or so many times less processor time; 0: that does not reach it
	most         time.Duration // another goal: at most so much more for each item; 0 is none
}

const (
	// notSlower is a goal that two equal contenders reach: less of a difference cannot be told from none.
	notSlower = 0.95
	// within is what the authentication of a request may cost.
	within = 50 * time.Microsecond
)

// fast is how fast we are beside the stock registry.
func fast(times, orCheaper float64) line {
	return line{of: rate, ours: nameOurs, beside: nameStock, times: times, orCheaper: orCheaper}
}

// cheap is how much processor time we take beside it.
func cheap() line { return line{of: cost, ours: nameOurs, beside: nameStock} }

// surcharge is how much more processor time an item takes with who than with other.
func surcharge(who, other string, most time.Duration) line {
	return line{of: cost, ours: who, beside: other, most: most}
}

func (l line) what() string {
	if l.ours == nameOurs {
		return l.of.String()
	}
	return fmt.Sprintf("%s: %s beside %s", l.of, l.ours, l.beside)
}

func (l line) goal() string {
	switch {
	case l.times > 0 && l.orCheaper > 0:
		return fmt.Sprintf("≥ %g×, or ≥ %g× by processor time", l.times, l.orCheaper)
	case l.times > 0:
		return fmt.Sprintf("≥ %g×", l.times)
	case l.most > 0:
		return fmt.Sprintf("≤ %s more", l.most)
	}
	return ""
}

// verdict is a line with what was measured.
type verdict struct {
	Workload string       `json:"workload"`
	What     string       `json:"what"`
	Beside   gauge.Spread `json:"beside"` // of the stock registry, or what is named
	Ours     gauge.Spread `json:"ours"`
	Ratio    gauge.Spread `json:"timesAsGood"` // of the passes of each round
	Goal     string       `json:"goal,omitempty"`
	Met      *bool        `json:"met,omitempty"`
	Floor    *float64     `json:"floor,omitempty"` // the median

	of   metric
	unit *measurement
}

// judge compares a line of a workload with what was measured, if both contenders were. Goals are for whole sizes.
func judge(r *report, w workload, l line, whole bool) (verdict, bool) {
	ours, beside := r.find(w.key, l.ours), r.find(w.key, l.beside)
	if ours == nil || beside == nil {
		return verdict{}, false
	}
	v := verdict{
		Workload: w.name, What: l.what(), of: l.of, unit: ours,
		Ours: l.of.spread(ours), Beside: l.of.spread(beside), Ratio: timesAsGood(l.of, ours, beside),
	}
	if floor := r.find(w.key, nameFloor); floor != nil && l.of == rate {
		median := l.of.spread(floor).Median
		v.Floor = &median
	}
	if v.Goal = l.goal(); v.Goal == "" || !whole {
		v.Goal = ""
		return v, true
	}
	met := v.Ratio.Median >= l.times || l.orCheaper > 0 && timesAsGood(cost, ours, beside).Median >= l.orCheaper
	if l.most > 0 {
		met = v.Ours.Median-v.Beside.Median <= l.most.Seconds()
	}
	v.Met = &met
	return v, true
}

// timesAsGood compares the two passes of each round, between which the machine has changed least.
func timesAsGood(of metric, ours, beside *measurement) gauge.Spread {
	var ratios []float64
	for i := range ours.Samples {
		ratio := of.value(ours.Samples[i]) / of.value(beside.Samples[i])
		if of != rate {
			ratio = 1 / ratio
		}
		ratios = append(ratios, ratio)
	}
	return gauge.SpreadOf(ratios)
}
