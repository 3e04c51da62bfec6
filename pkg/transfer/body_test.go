package transfer

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"gotest.tools/v3/assert"
)

// TestABodyIsNotReadAnyMoreOnceItsRequestIsOver has a registry that answers before it has read what it is sent, so that
// net/http is still writing when the answer is there. With -race it also fails if the buffer is read then.
func TestABodyIsNotReadAnyMoreOnceItsRequestIsOver(t *testing.T) {
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		w.(http.Flusher).Flush()
		_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
		<-over
	}))
	defer server.CloseClientConnections()
	defer close(over)
	buffer := make([]byte, 32<<20)
	sent := &bodies{open: func() io.ReadCloser { return bufferPart(0, buffer).open(0) }}
	body, err := sent.next()
	assert.NilError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, body)
	assert.NilError(t, err)
	resp, err := http.DefaultClient.Do(req)
	assert.NilError(t, err)
	sent.end()
	for i := range buffer {
		buffer[i] = 1 // as the next pack would
	}
	_, err = body.Read(make([]byte, 1))
	assert.ErrorIs(t, err, errOver)
	assert.NilError(t, resp.Body.Close())
}

func TestASecondBodyEndsTheFirst(t *testing.T) {
	opened := 0
	sent := &bodies{open: func() io.ReadCloser { opened++; return bufferPart(0, []byte("abc")).open(0) }}
	first, err := sent.next()
	assert.NilError(t, err)
	second, err := sent.next()
	assert.NilError(t, err)
	_, err = first.Read(make([]byte, 1))
	assert.ErrorIs(t, err, errOver)
	all, err := io.ReadAll(second)
	assert.NilError(t, err)
	assert.Equal(t, string(all), "abc")
	assert.Equal(t, opened, 2)
}
