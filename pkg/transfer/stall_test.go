package transfer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// TestE77AConnectionOnWhichNothingMovesIsTriedAgain plays the ways in which a registry may stall, with a short patience.
func TestE77AConnectionOnWhichNothingMovesIsTriedAgain(t *testing.T) {
	const patience = 100 * time.Millisecond
	over := make(chan struct{})
	defer close(over)
	hang := func(http.ResponseWriter, *http.Request) { <-over }
	for name, test := range map[string]struct {
		serve http.HandlerFunc
		body  func() io.Reader
		slow  time.Duration // the reader of the response
		stall bool
	}{
		"it never answers": {serve: hang, stall: true},
		"it stops in the middle of its answer": {
			serve: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "10")
				_, _ = io.WriteString(w, "12345")
				w.(http.Flusher).Flush()
				hang(w, r)
			}, stall: true,
		},
		"it stops to take what is sent": {
			serve: hang, body: func() io.Reader { return io.LimitReader(zeros{}, 64<<20) }, stall: true,
		},
		"it is slow but goes on": {serve: func(w http.ResponseWriter, _ *http.Request) {
			for range 10 {
				_, _ = io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(patience / 2)
			}
		}},
		"what is sent comes slowly": {
			serve: func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
			body:  func() io.Reader { return &slowly{left: 3, pause: 2 * patience} },
		},
		"what is received is taken slowly": {
			serve: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, zeros{}, 1<<20) }, slow: 2 * patience,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.serve)
			defer server.CloseClientConnections() // but not Close, which would wait for handlers that hang
			client := http.Client{Transport: watching{http.DefaultTransport, patience}}
			var body io.Reader
			if test.body != nil {
				body = test.body()
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, body)
			assert.NilError(t, err)
			err = roundTrip(&client, req, test.slow)
			assert.Equal(t, errors.Is(err, errStalled), test.stall, "%v", err)
			if test.stall {
				assert.Assert(t, Transient(err))
			} else {
				assert.NilError(t, err)
			}
		})
	}
}

func roundTrip(client *http.Client, req *http.Request, pause time.Duration) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written
	time.Sleep(pause)
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// slowly gives one byte after each pause.
type slowly struct {
	left  int
	pause time.Duration
}

func (s *slowly) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.pause)
	s.left--
	b[0] = 'x'
	return 1, nil
}

func TestTheEndOfALargeUploadIsWaitedForLonger(t *testing.T) {
	ctx := patiently(context.Background(), 100*finishRate)
	assert.Equal(t, ctx.Value(patienceKey{}), 100*time.Second)
}
