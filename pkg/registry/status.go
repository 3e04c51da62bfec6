package registry

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/converged-computing/oras-operator/pkg/registry/collect"
)

// Status is what was found when all of the storage was last looked at.
type Status struct {
	// Started is when that look began.
	Started time.Time `json:"started"`
	// Manifests is the number of artifacts, in all repositories.
	Manifests int64 `json:"manifests"`
	// Bytes is the size of all blobs, each counted once.
	Bytes int64 `json:"bytes"`
}

// statusOf is what a collector found in its last round; false before the first.
func statusOf(collector *collect.Collector) (Status, bool) {
	last := collector.Last()
	return Status{Started: last.Started, Manifests: int64(last.Manifests), Bytes: last.Bytes}, !last.Started.IsZero()
}

// Metrics returns the handler for the port that only the cluster sees: /metrics, and the [Status] at /oras/status. Until
// there has been a look it answers 503 there.
func (r *Registry) Metrics() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /oras/status", func(w http.ResponseWriter, _ *http.Request) {
		status, ok := r.status()
		if !ok {
			http.Error(w, "the storage has not been looked at yet", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(status) //nolint:errcheck // who asked is gone
	})
	return mux
}
