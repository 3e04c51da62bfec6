package webhook

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admission/v1"
)

func TestDecisionsAreCounted(t *testing.T) {
	decisions, err := newDecisions(prometheus.NewRegistry())
	assert.NilError(t, err)
	m := mutator()
	m.decisions = decisions
	for _, raw := range [][]byte{
		toJSON(t, filepath.Join(testdata, "the-smallest-step", "input.yaml")),
		toJSON(t, filepath.Join(testdata, "the-smallest-step", "golden.yaml")),
		toJSON(t, filepath.Join(testdata, "denied-no-command", "input.yaml")),
		[]byte(`{"metadata":{"labels":{"oras.converged-computing.github.io/debug":"si"}}}`),
		[]byte(`{"spec":7}`),
	} {
		send(t, m.handlePod, admissionv1.Create, raw, nil)
	}
	for _, labels := range [][]string{
		{"mutate-pod", decisionInjected, ""}, {"mutate-pod", decisionUnchanged, ""}, {"mutate-pod", decisionDenied, reasonPod},
		{"mutate-pod", decisionDenied, "debug"}, {"mutate-pod", decisionMalformed, ""},
	} {
		assert.Equal(t, testutil.ToFloat64(decisions.WithLabelValues(labels...)), 1.0, "%v", labels)
	}
	assert.Equal(t, testutil.CollectAndCount(decisions), 5)
}

// Whatever people write as a key must not become a time series of its own.
func TestReasonsAreAsManyAsKeys(t *testing.T) {
	for sentence, want := range map[string]string{
		`output-uri_17: "X" is no artifact`:                    "output-uri",
		`output-url: there is no such key`:                     reasonUnknownKey,
		`oras-cache: there is no OrasCache "a" in namespace b`: "oras-cache",
		`container "app" has no command: set one`:              reasonPod,
		`spec.dnsPolicy is "Default": the node's`:              reasonPod,
		"debug: one\noutput-uri: two":                          "debug",
		"no colon":                                             reasonPod,
	} {
		assert.Equal(t, reasonOf(refused(errors.New(sentence))), want, sentence)
	}
	assert.Equal(t, reasonOf(errors.New("oras-cache: x")), "")
}
