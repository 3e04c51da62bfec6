package main

import (
	"fmt"

	"github.com/converged-computing/oras-operator/test/bench/gauge"
)

// metric is what is told of a pass.
type metric int

const (
	rate   metric = iota // higher is better, as with no other
	cost                 // processor time of the registry for a unit
	memory               // its peak
)

func (m metric) String() string { return [...]string{"rate", "processor time", "peak memory"}[m] }

func (m metric) value(s sample) float64 {
	switch m {
	case rate:
		return s.rate()
	case cost:
		return s.cost()
	}
	return float64(s.Memory)
}

func (m metric) spread(of *measurement) gauge.Spread {
	var values []float64
	for _, s := range of.Samples {
		values = append(values, m.value(s))
	}
	return gauge.SpreadOf(values)
}

// format writes a value of a metric with its unit, which is that of the measurement.
func (of *measurement) format(m metric, v float64) string {
	switch {
	case m == memory:
		return inBytes(v)
	case m == rate && of.Unit == unitGiB:
		return fmt.Sprintf("%.2f GiB/s", v)
	case m == rate:
		return fmt.Sprintf("%.0f/s", v)
	case of.Unit == unitGiB:
		return fmt.Sprintf("%.3f s/GiB", v)
	}
	return fmt.Sprintf("%.0f µs", v*1e6)
}

// inBytes writes a number of bytes in the unit that suits it.
func inBytes(v float64) string {
	switch {
	case v >= gib:
		return fmt.Sprintf("%.4g GiB", v/gib)
	case v >= mib:
		return fmt.Sprintf("%.4g MiB", v/mib)
	}
	return fmt.Sprintf("%.4g KiB", v/kib)
}
