package webhook

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/converged-computing/oras-operator/pkg/plan"
)

// webhookLabel names the webhook: its path, without the slash.
const webhookLabel = "webhook"

// Decisions on an object, as values of the label decision.
const (
	decisionUnchanged = "unchanged" // it has no keys, or is what it should be already
	decisionInjected  = "injected"
	decisionDenied    = "denied" // its author has to mend it
	decisionMalformed = "malformed"
	decisionFailed    = "failed" // the cluster did not answer
)

// Reasons of a denial, as values of the label reason, beside the names of the keys.
const (
	reasonUnknownKey = "unknown-key"
	reasonPod        = "pod" // a field of the pod, or the cluster
)

// newDecisions returns the counter of what was decided.
func newDecisions(registry prometheus.Registerer) (*prometheus.CounterVec, error) {
	return addTo(registry, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "oras_operator",
		Name:      "admission_decisions_total",
		Help:      "Decisions on objects that were to be admitted, by webhook, and for denials by the key at fault.",
	}, []string{webhookLabel, "decision", "reason"}))
}

// newDurations returns the histogram of how long webhooks take, in seconds. Of controller-runtime's own,
// controller_runtime_webhook_latency_seconds, the time in which a request's body arrives is a part.
func newDurations(registry prometheus.Registerer) (*prometheus.HistogramVec, error) {
	return addTo(registry, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace:                       "oras_operator",
		Name:                            "admission_duration_seconds",
		Help:                            "How long a webhook took from when it had read a request whole to the end of its answer.",
		Buckets:                         []float64{.001, .003, .005, .01, .015, .025, .05, .1, .25, .5, 1, 2.5, 5},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}, []string{webhookLabel}))
}

func addTo[C prometheus.Collector](registry prometheus.Registerer, metric C) (C, error) {
	if err := registry.Register(metric); err != nil {
		return metric, fmt.Errorf("registering the metrics of admission: %w", err)
	}
	return metric, nil
}

// durationOf is what measures one webhook.
func durationOf(durations *prometheus.HistogramVec, path string) prometheus.ObserverVec {
	return durations.MustCurryWith(prometheus.Labels{webhookLabel: webhookOf(path)})
}

// webhookOf is the value of the label webhook.
func webhookOf(path string) string { return strings.TrimPrefix(path, "/") }

// reasonOf is the key that the first reason of a denial is about. There are as many values as there are keys, whatever people
// write.
func reasonOf(denial error) string {
	var r *refusal
	if !errors.As(denial, &r) {
		return ""
	}
	var problem *plan.Problem
	if !errors.As(r.reasons[0], &problem) || strings.Contains(problem.Key, "/") { // an annotation of others
		return reasonPod
	}
	if key, ok := problem.Of(); ok {
		return key.Name
	}
	return reasonUnknownKey
}

func (m Mutator) count(path, decision, reason string) {
	if m.decisions != nil {
		m.decisions.WithLabelValues(webhookOf(path), decision, reason).Inc()
	}
}
