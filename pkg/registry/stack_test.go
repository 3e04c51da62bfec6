package registry

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"gotest.tools/v3/assert"
)

func TestARequestMeetsTheLayersInOrder(t *testing.T) {
	var met []string
	named := func(name string) layer {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				met = append(met, name)
				next.ServeHTTP(w, req)
			})
		}
	}
	handler := newStack(stack{
		probes: named("probes"), observe: named("observe"), cutStalled: named("stalled"), limit: named("limit"),
		access: named("access"), answerFull: named("full"), gate: named("gate"), api: named("api"),
		library: named("library")(http.NotFoundHandler()),
	})
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v2/", nil))
	assert.DeepEqual(t, met, []string{"probes", "observe", "stalled", "limit", "access", "full", "gate", "api", "library"})
}

func TestReadinessIsToldWhenItChanges(t *testing.T) {
	var out logged
	var broken error
	h := &health{log: slog.New(slog.NewJSONHandler(&out, nil)), writable: func(context.Context) error { return broken }}
	probe := func(path string) int {
		rec := httptest.NewRecorder()
		h.answer(http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		return rec.Code
	}
	assert.Equal(t, probe("/readyz"), http.StatusOK)
	broken = http.ErrServerClosed
	assert.Equal(t, probe("/readyz"), http.StatusServiceUnavailable)
	assert.Equal(t, probe("/readyz"), http.StatusServiceUnavailable)
	assert.Equal(t, probe("/healthz"), http.StatusOK)
	broken = nil
	assert.Equal(t, probe("/readyz"), http.StatusOK)
	h.draining.Store(true)
	assert.Equal(t, probe("/readyz"), http.StatusServiceUnavailable)
	assert.Equal(t, probe("/other"), http.StatusNotFound)
	assert.Equal(t, countLines(out.String(), "The registry is not ready."), 2)
	assert.Equal(t, countLines(out.String(), "The registry is ready again."), 1)
}
