package collect

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"
)

// BenchmarkGet measures what the gate adds to a request that it passes on.
func BenchmarkGet(b *testing.B) {
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	request := httptest.NewRequest(http.MethodGet, blobURL("deep/er/step", digest.FromString("x")), http.NoBody)
	answer := httptest.NewRecorder()
	b.Run("with", func(b *testing.B) {
		handler := New(Options{Driver: inmemory.New()}).Gate().Handler(next)
		for b.Loop() {
			handler.ServeHTTP(answer, request)
		}
	})
	b.Run("without", func(b *testing.B) {
		for b.Loop() {
			next.ServeHTTP(answer, request)
		}
	})
}
