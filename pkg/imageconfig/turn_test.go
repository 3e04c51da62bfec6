package imageconfig_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/imageconfig"
)

func TestFewImagesAreLookedUpAtATime(t *testing.T) {
	s := start(t)
	var now, most atomic.Int32
	s.wrap(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			<-r.Context().Done()
		})
	})
	lookup := imageconfig.New(imageconfig.Options{AllowLoopback: true, Timeout: 600 * time.Millisecond})
	var busy atomic.Int32
	var all sync.WaitGroup
	begin := time.Now()
	for i := range 40 {
		all.Go(func() {
			_, err := lookup.Command(t.Context(), s.image(fmt.Sprintf("slow/%d:1", i)), nil, anonymous())
			assert.Check(t, err != nil)
			if errors.Is(err, imageconfig.ErrBusy) {
				busy.Add(1)
			}
		})
	}
	all.Wait()
	assert.Equal(t, busy.Load(), int32(32))
	assert.Assert(t, most.Load() <= 8, "%d at a time", most.Load())
	assert.Assert(t, time.Since(begin) < 5*time.Second, "the wait for a turn counts")
}
