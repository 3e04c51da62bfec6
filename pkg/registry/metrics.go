package registry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what a registry counts. They are registered in a registry of their own, so that several may be in one process.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	received prometheus.Counter
	sent     prometheus.Counter
}

// newMetrics returns the metrics of a registry in which current says how many uploads there are.
func newMetrics(current func() int64) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "oras_registry_requests_total", Help: "Requests that were answered.",
		}, []string{"method", "route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "oras_registry_request_seconds", Help: "How long requests took, with their content.",
			// From a HEAD of a small blob to the upload of hours.
			Buckets:                         []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 60, 300, 1800, 7200},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"method", "route"}),
		received: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "oras_registry_received_bytes_total", Help: "Bytes of the bodies of requests.",
		}),
		sent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "oras_registry_sent_bytes_total", Help: "Bytes of the bodies of answers.",
		}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.received, m.sent,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "oras_registry_uploads", Help: "Requests that send content just now.",
		}, func() float64 { return float64(current()) }),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// answered counts one request.
func (m *metrics) answered(req *http.Request, status int, took time.Duration) {
	method, route := methodLabel(req.Method), route(req.URL.Path)
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(method, route).Observe(took.Seconds())
}

// methodLabel is the method, or other: a client may make one up.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}
