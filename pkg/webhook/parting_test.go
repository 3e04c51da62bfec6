package webhook

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"
)

func TestAReplicaThatIsAboutToStopKeepsNoConnection(t *testing.T) { // E57
	var ending atomic.Bool
	server := httptest.NewServer(parting(ending.Load, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	defer server.Close()
	for _, now := range []bool{false, true} {
		ending.Store(now)
		res, err := server.Client().Get(server.URL)
		assert.NilError(t, err)
		assert.NilError(t, res.Body.Close())
		assert.Equal(t, res.Close, now)
	}
}
