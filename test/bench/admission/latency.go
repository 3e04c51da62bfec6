package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"

	"github.com/converged-computing/oras-operator/test/harness"
)

// Histograms of the requests to each webhook, whose native buckets are a tenth wide.
const (
	durationMetric = "oras_operator_admission_duration_seconds"   // from when the manager has read a request whole to the end of its answer
	latencyMetric  = "controller_runtime_webhook_latency_seconds" // in which a request's arrival is included
)

// errReset means that a histogram was begun anew in the middle of a measurement.
var errReset = errors.New("a manager has begun to count anew meanwhile: measure again")

// latency is how long a webhook took for the requests of all managers, as buckets of counts.
type latency []bucket

// bucket counts what took at most so many seconds, and longer than the bucket before it. What is to be left out is counted
// below zero: buckets of two states of one histogram need not have the same bounds.
type bucket struct {
	upper float64
	count int64
}

// requests is how many there were.
func (l latency) requests() (sum int64) {
	for _, b := range l {
		sum += b.count
	}
	return sum
}

// quantile is how many seconds the share q of the requests took at most, not more than a bucket's width above it.
func (l latency) quantile(q float64) float64 {
	wanted := int64(math.Ceil(q * float64(l.requests())))
	var below int64
	for _, b := range l {
		if below += b.count; below >= wanted {
			return b.upper
		}
	}
	return math.Inf(1)
}

// milliseconds is the quantile q in milliseconds.
func (l latency) milliseconds(q float64) float64 { return l.quantile(q) * 1000 }

// metrics are those of every manager, by the names of their pods.
func (b *bench) metrics(ctx context.Context) (map[string]harness.Metrics, error) {
	managers, err := b.Managers(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]harness.Metrics{}
	for _, manager := range managers {
		if all[manager.Name], err = b.Metrics(ctx, manager); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// processorTime is how many seconds of it the managers took between two readings.
func processorTime(before, after map[string]harness.Metrics) (seconds float64) {
	for manager, metrics := range after {
		seconds += total(metrics) - total(before[manager])
	}
	return seconds
}

func total(metrics harness.Metrics) (seconds float64) {
	for _, metric := range metrics["process_cpu_seconds_total"].GetMetric() {
		seconds += metric.GetCounter().GetValue()
	}
	return seconds
}

// peakMemory is that of every manager, by the names of their pods.
func (b *bench) peakMemory(ctx context.Context) (map[string]int64, error) {
	managers, err := b.Managers(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]int64{}
	for _, manager := range managers {
		if all[manager.Name], err = b.PeakMemory(ctx, manager); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// between is what the managers' histograms of a metric have counted between two readings, by webhook.
func between(before, after map[string]harness.Metrics, metric string) (map[string]latency, error) {
	all := map[string]latency{}
	for manager, metrics := range after {
		earlier := histograms(before[manager], metric)
		for webhook, now := range histograms(metrics, metric) {
			if then := earlier[webhook]; then != nil {
				if then.GetCreatedTimestamp().AsTime() != now.GetCreatedTimestamp().AsTime() {
					return nil, errReset
				}
				for _, b := range buckets(then) {
					all[webhook] = append(all[webhook], bucket{b.upper, -b.count})
				}
			}
			all[webhook] = append(all[webhook], buckets(now)...)
		}
	}
	for webhook, l := range all {
		// Of one bound, what is left out stays before what it is left out of.
		slices.SortStableFunc(l, func(a, b bucket) int { return cmp.Compare(a.upper, b.upper) })
		if l.requests() < 0 {
			return nil, fmt.Errorf("%s: %w", webhook, errReset)
		}
	}
	return all, nil
}

func histograms(metrics harness.Metrics, name string) map[string]*dto.Histogram {
	all := map[string]*dto.Histogram{}
	for _, metric := range metrics[name].GetMetric() {
		for _, label := range metric.GetLabel() {
			if label.GetName() == "webhook" {
				all[label.GetValue()] = metric.GetHistogram()
			}
		}
	}
	return all
}

// buckets are the native ones of a histogram: the i-th ends at 2 to the power of i divided by 2 to the power of the schema,
// spans say which there are, and each count is the difference to the one before.
func buckets(h *dto.Histogram) []bucket {
	all := []bucket{{upper: h.GetZeroThreshold(), count: int64(h.GetZeroCount())}} //nolint:gosec // far below
	var i int32
	var count int64
	deltas := h.GetPositiveDelta()
	for _, span := range h.GetPositiveSpan() {
		i += span.GetOffset()
		for range span.GetLength() {
			count += deltas[0]
			deltas = deltas[1:]
			all = append(all, bucket{math.Exp2(math.Ldexp(float64(i), -int(h.GetSchema()))), count})
			i++
		}
	}
	return all
}
