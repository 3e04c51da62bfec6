package transfer_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// A registry that collects garbage may answer the end of an upload with 503, whatever it has done by then.
func TestE77AnUploadWhoseEndIsAnsweredBusyIsMadeAllTheSame(t *testing.T) {
	for name, does := range map[string]func(http.Handler, *http.Request){
		"before anything is taken": func(http.Handler, *http.Request) {},
		"after all data is taken": func(app http.Handler, r *http.Request) {
			r.Body = io.NopCloser(io.MultiReader(r.Body, iotest.ErrReader(errors.New("busy"))))
			app.ServeHTTP(httptest.NewRecorder(), r)
		},
		"after the blob is made": func(app http.Handler, r *http.Request) { app.ServeHTTP(httptest.NewRecorder(), r) },
	} {
		for how, size := range map[string]int64{"in one request": 5 << 20, "in parts": 65 << 20} {
			t.Run(name+" "+how, func(t *testing.T) {
				registry := testregistry.Start(t)
				repo, from, into := repository(t, registry, "busy"), fs.NewDir(t, "from", fs.WithFile("large", "x")), t.TempDir()
				assert.NilError(t, os.Truncate(from.Join("large"), size))
				busy := 0
				registry.SetFault(eachFirst(func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/uploads/") {
						return false
					}
					busy++
					does(http.HandlerFunc(registry.Serve), r)
					w.Header().Set("Retry-After", "0")
					return status(http.StatusServiceUnavailable)(w, r)
				}))
				_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from.Path()), transfer.PushOptions{Retry: quick()})
				assert.NilError(t, err)
				assert.Equal(t, busy, 1)
				pull(t, repo, "v1", into)
				assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
			})
		}
	}
}
