package webhook

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"gotest.tools/v3/assert"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// selector matches a metric in an expression of Prometheus, and the labels by which it is chosen.
var selector = regexp.MustCompile(`([a-z_]+)\{([^}]*)\}`)

func TestEveryAlertIsAboutAMetricThatTheOperatorHas(t *testing.T) {
	decisions, err := newDecisions(metrics.Registry)
	assert.NilError(t, err)
	t.Cleanup(func() { metrics.Registry.Unregister(decisions) })
	var rule struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
		Spec             struct {
			Groups []struct {
				Name  string
				Rules []struct {
					Alert, Expr, For    string
					Labels, Annotations map[string]string
				}
			}
		}
	}
	read(t, "../../config/components/prometheus/alerts.yaml", &rule)
	seen := map[string]bool{}
	for _, alert := range rule.Spec.Groups[0].Rules {
		chosen := selector.FindAllStringSubmatch(alert.Expr, -1)
		assert.Check(t, len(chosen) > 0, "%s is about nothing: %s", alert.Alert, alert.Expr)
		for _, match := range chosen {
			assert.Check(t, match[1] == "up" || registered(match[1]), "%s: the operator has no metric %s", alert.Alert, match[1])
			assert.Check(t, strings.HasPrefix(match[2], `job="oras-operator-metrics"`), "%s is about everybody's %s", alert.Alert, match[1])
			if _, decision, ok := strings.Cut(match[2], `decision=`); ok {
				assert.Check(t, decision == strconv.Quote(decisionFailed), "%s: there is no decision %s", alert.Alert, decision)
			}
		}
		assert.Check(t, !seen[alert.Alert], "%s is there twice", alert.Alert)
		seen[alert.Alert] = true
	}
	assert.Assert(t, len(seen) > 5)
}

// registered tells whether the operator has a metric of that name, or a histogram that has such buckets. It is always there by
// name, while its series come with what is counted, and a name is not taken twice.
func registered(name string) bool {
	probe := prometheus.NewGauge(prometheus.GaugeOpts{Name: strings.TrimSuffix(name, "_bucket"), Help: "whether the name is taken"})
	if err := metrics.Registry.Register(probe); err != nil {
		return true
	}
	metrics.Registry.Unregister(probe)
	return false
}
