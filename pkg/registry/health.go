package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
)

// errDraining is why a registry that stops is not ready.
var errDraining = errors.New("draining")

// health answers probes. They are neither logged nor counted, but each change of readiness is told once.
type health struct {
	// writable says why the storage cannot be written to.
	writable func(context.Context) error
	draining atomic.Bool
	log      *slog.Logger
	unready  atomic.Bool
}

// answer answers the probes /healthz and /readyz, and leaves all else to next. It does not clean the path as [http.ServeMux]
// would: a redirect instead of an answer confuses clients that upload.
func (h *health) answer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/healthz":
			fmt.Fprintln(w, "ok") //nolint:errcheck // who asked is gone
		case "/readyz":
			h.readyz(w, req)
		default:
			next.ServeHTTP(w, req)
		}
	})
}

// readyz answers whether requests should be sent here.
func (h *health) readyz(w http.ResponseWriter, req *http.Request) {
	err := h.ready(req.Context())
	if changed := h.unready.Swap(err != nil) != (err != nil); changed {
		if err != nil {
			h.log.Warn("The registry is not ready.", "error", err)
		} else {
			h.log.Info("The registry is ready again.")
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok") //nolint:errcheck // who asked is gone
}

// ready returns nil if the storage is writable and the server is not draining.
func (h *health) ready(ctx context.Context) error {
	if h.draining.Load() {
		return errDraining
	}
	return h.writable(ctx)
}
