package registry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/converged-computing/oras-operator/pkg/registry/collect"
)

// collectMetrics are what is counted of rounds of the garbage collection.
type collectMetrics struct {
	seconds prometheus.Histogram
	removed *prometheus.CounterVec
	bytes   prometheus.Counter
}

func newCollectMetrics(registerer prometheus.Registerer) collectMetrics {
	m := collectMetrics{
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "oras_registry_collect_seconds", Help: "How long rounds of the garbage collection took.",
			Buckets: []float64{.01, .1, 1, 10, 60, 300, 1800},
		}),
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "oras_registry_collect_removed_total", Help: "What the garbage collection removed.",
		}, []string{"kind"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "oras_registry_collect_removed_bytes_total", Help: "Bytes of the blobs that the garbage collection removed.",
		}),
	}
	registerer.MustRegister(m.seconds, m.removed, m.bytes)
	return m
}

// done counts a round that has ended.
func (m collectMetrics) done(report collect.Report) {
	m.seconds.Observe(report.Took.Seconds())
	m.removed.WithLabelValues("tag").Add(float64(report.Removed.Tags))
	m.removed.WithLabelValues("manifest").Add(float64(report.Removed.Manifests))
	m.removed.WithLabelValues("blob").Add(float64(report.Removed.Blobs))
	m.bytes.Add(float64(report.RemovedBytes))
}
