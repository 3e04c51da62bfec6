package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/converged-computing/oras-operator/pkg/plan"
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

func TestAPatchThatCannotBeMadeIsCountedAsAFailure(t *testing.T) {
	decisions, err := newDecisions(prometheus.NewRegistry())
	assert.NilError(t, err)
	m := mutator()
	m.decisions = decisions
	res := m.answer(t.Context(), podPath, "this pod", []byte(`{}`), []byte(`no object`), nil, nil)
	assert.Equal(t, int(res.Result.Code), http.StatusInternalServerError)
	assert.Equal(t, testutil.ToFloat64(decisions.WithLabelValues("mutate-pod", decisionFailed, "")), 1.0)
	assert.Equal(t, testutil.CollectAndCount(decisions), 1)
}

// Whatever people write as a key must not become a time series of its own.
func TestReasonsAreAsManyAsKeys(t *testing.T) {
	of := func(key string) error { return &plan.Problem{Key: key, Text: "is wrong"} }
	for want, reasons := range map[string][]error{
		"output-uri":     {of("output-uri_17")},
		"oras-cache":     {errors.Join(of("oras-cache"), of("debug"))},
		"debug":          {fmt.Errorf("spec.template: %w", of("debug"))},
		reasonUnknownKey: {of("output-url"), of("debug_1"), of("output-uri_x")},
		reasonPod:        {errors.New("debug: is wrong"), errors.Join(errors.New("a field"), of("debug")), of("kubectl.kubernetes.io/default-container")},
	} {
		for _, reason := range reasons {
			assert.Equal(t, reasonOf(refused(reason)), want, "%v", reason)
		}
	}
	assert.Equal(t, reasonOf(of("oras-cache")), "", "it is no denial")
}
