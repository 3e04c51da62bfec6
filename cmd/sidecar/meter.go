package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// rateOver is the time that a rate is the mean over.
const rateOver = 5 * time.Second

// sample is what counters said at one moment.
type sample struct {
	at                time.Time
	bytes, totalBytes int64
	files, totalFiles int64
}

func sampleOf(c *transfer.Counters, at time.Time) sample {
	return sample{at, c.Bytes.Load(), c.TotalBytes.Load(), c.Files.Load(), c.TotalFiles.Load()}
}

// meter tells rates from samples.
type meter struct{ samples []sample }

// add takes a sample. Those that are too old for a rate go.
func (m *meter) add(s sample) {
	m.samples = append(m.samples, s)
	for len(m.samples) > 2 && s.at.Sub(m.samples[1].at) >= rateOver {
		m.samples = m.samples[1:]
	}
}

func (m *meter) last() sample {
	if len(m.samples) == 0 {
		return sample{}
	}
	return m.samples[len(m.samples)-1]
}

// rate is in bytes per second, and 0 as long as it is unknown.
func (m *meter) rate() float64 {
	last := m.last()
	if len(m.samples) < 2 || last.bytes <= m.samples[0].bytes {
		return 0
	}
	return float64(last.bytes-m.samples[0].bytes) / last.at.Sub(m.samples[0].at).Seconds()
}

// left is how long the rest will take, and false as long as nobody knows.
func (m *meter) left() (time.Duration, bool) {
	last, rate := m.last(), m.rate()
	if rate == 0 || last.totalBytes == 0 {
		return 0, false
	}
	seconds := float64(max(0, last.totalBytes-last.bytes)) / rate
	return min(time.Duration(math.Ceil(seconds))*time.Second, 99*time.Hour), true
}

// String is such as "12MB of 30MB, 3 of 10 files, 4MB/s, 5s left".
func (m *meter) String() string {
	last := m.last()
	parts := []string{size(last.bytes) + " of " + size(last.totalBytes)}
	if last.totalFiles > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s", last.files, count(int(last.totalFiles), "file")))
	}
	if rate := m.rate(); rate > 0 {
		parts = append(parts, size(int64(rate))+"/s")
	}
	if left, known := m.left(); known {
		parts = append(parts, left.String()+" left")
	}
	return strings.Join(parts, ", ")
}

// size is such as "12.3MB", with decimal units.
func size(bytes int64) string { return units.HumanSizeWithPrecision(float64(bytes), 3) }
