package webhook

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/converged-computing/oras-operator/pkg/plan"
)

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

// newDecisions returns the counter of what was decided. How long decisions take is among the metrics of controller-runtime,
// as controller_runtime_webhook_latency_seconds.
func newDecisions(registry prometheus.Registerer) (*prometheus.CounterVec, error) {
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "oras_operator",
		Name:      "admission_decisions_total",
		Help:      "Decisions on objects that were to be admitted, by webhook, and for denials by the key at fault.",
	}, []string{"webhook", "decision", "reason"})
	if err := registry.Register(counter); err != nil {
		return nil, fmt.Errorf("registering the metrics of admission: %w", err)
	}
	return counter, nil
}

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
		m.decisions.WithLabelValues(strings.TrimPrefix(path, "/"), decision, reason).Inc()
	}
}
