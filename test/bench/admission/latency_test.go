package main

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/test/harness"
)

const webhook = "mutate-pod"

// managed is a manager that measures as the operator does, with at most so many fine buckets.
type managed struct {
	registry  *prometheus.Registry
	histogram *prometheus.HistogramVec
}

func manager(t *testing.T, fine uint32) managed {
	t.Helper()
	m := managed{prometheus.NewRegistry(), prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: durationMetric, Buckets: prometheus.DefBuckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: fine,
	}, []string{"webhook"})}
	assert.NilError(t, m.registry.Register(m.histogram))
	return m
}

// took has requests that took so many milliseconds.
func (m managed) took(milliseconds ...float64) {
	for _, value := range milliseconds {
		m.histogram.WithLabelValues(webhook).Observe(value / 1000)
	}
}

func (m managed) read(t *testing.T) harness.Metrics {
	t.Helper()
	families, err := m.registry.Gather()
	assert.NilError(t, err)
	all := harness.Metrics{}
	for _, family := range families {
		all[family.GetName()] = family
	}
	return all
}

// isAbout checks that a quantile, in milliseconds, is not below a value, and not more than a bucket's width above it.
func isAbout(t *testing.T, l latency, q, milliseconds, width float64) {
	t.Helper()
	got := l.quantile(q) * 1000
	assert.Assert(t, got >= milliseconds && got <= milliseconds*width, "quantile %g is %g ms, not %g", q, got, milliseconds)
}

func TestQuantilesAreThoseOfAllManagersTogether(t *testing.T) {
	one, two := manager(t, 100), manager(t, 100)
	for range 49 {
		one.took(1, 2)
		two.took(14)
	}
	two.took(16, 40)
	all, err := between(nil, map[string]harness.Metrics{"one": one.read(t), "two": two.read(t)}, durationMetric)
	assert.NilError(t, err)
	l := all[webhook]
	assert.Equal(t, l.requests(), int64(149))
	isAbout(t, l, 0.3, 1, 1.1)
	isAbout(t, l, 0.6, 2, 1.1)
	isAbout(t, l, 0.98, 14, 1.1)
	isAbout(t, l, 0.99, 16, 1.1)
	isAbout(t, l, 1, 40, 1.1)
}

func TestWhatWasCountedBeforeIsLeftOut(t *testing.T) {
	m := manager(t, 100)
	m.took(100, 100, 100, 2)
	before := map[string]harness.Metrics{"m": m.read(t)}
	m.took(2, 2, 5)
	all, err := between(before, map[string]harness.Metrics{"m": m.read(t)}, durationMetric)
	assert.NilError(t, err)
	assert.Equal(t, all[webhook].requests(), int64(3))
	isAbout(t, all[webhook], 0.5, 2, 1.1)
	isAbout(t, all[webhook], 1, 5, 1.1)
}

// A histogram with too many buckets goes on with wider ones.
func TestBucketsMayHaveBecomeWiderMeanwhile(t *testing.T) {
	m := manager(t, 8)
	m.took(1, 1.2, 100)
	before := map[string]harness.Metrics{"m": m.read(t)}
	m.took(1, 2, 3, 4, 5, 7, 9, 11, 13, 15)
	after := map[string]harness.Metrics{"m": m.read(t)}
	narrow, wide := histograms(before["m"], durationMetric)[webhook], histograms(after["m"], durationMetric)[webhook]
	assert.Assert(t, wide.GetSchema() < narrow.GetSchema())
	all, err := between(before, after, durationMetric)
	assert.NilError(t, err)
	assert.Equal(t, all[webhook].requests(), int64(10))
	isAbout(t, all[webhook], 0.5, 5, 2)
	isAbout(t, all[webhook], 1, 15, 2)
}

func TestAHistogramThatWasBegunAnewIsAnError(t *testing.T) {
	first, second := manager(t, 100), manager(t, 100)
	first.took(1)
	before := map[string]harness.Metrics{"m": first.read(t)}
	time.Sleep(time.Millisecond)
	second.took(1, 1)
	_, err := between(before, map[string]harness.Metrics{"m": second.read(t)}, durationMetric)
	assert.ErrorIs(t, err, errReset)
}

func TestProcessorTimeIsWhatAllManagersTookMeanwhile(t *testing.T) {
	took := func(seconds float64) harness.Metrics {
		counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "process_cpu_seconds_total"})
		counter.Add(seconds)
		registry := prometheus.NewRegistry()
		assert.NilError(t, registry.Register(counter))
		return managed{registry: registry}.read(t)
	}
	before := map[string]harness.Metrics{"one": took(3), "two": took(1)}
	assert.Equal(t, processorTime(before, map[string]harness.Metrics{"one": took(4), "two": took(3)}), 3.0)
}

func TestAnEmptyHistogramHasNoRequests(t *testing.T) {
	assert.Equal(t, latency(buckets(&dto.Histogram{})).requests(), int64(0))
}
