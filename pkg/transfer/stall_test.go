package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
)

// TestE77AConnectionOnWhichNothingMovesIsTriedAgain plays the ways in which a registry may stall, in a bubble in which time
// only passes when everybody waits.
func TestE77AConnectionOnWhichNothingMovesIsTriedAgain(t *testing.T) {
	const patience = stallPatience
	for name, test := range map[string]struct {
		serve func(w http.ResponseWriter, r *http.Request, hang func())
		body  func() io.Reader
		slow  time.Duration // the reader of the response
		stall bool
	}{
		"it never answers": {serve: func(_ http.ResponseWriter, _ *http.Request, hang func()) { hang() }, stall: true},
		"it stops in the middle of its answer": {
			serve: func(w http.ResponseWriter, _ *http.Request, hang func()) {
				w.Header().Set("Content-Length", "10")
				_, _ = io.WriteString(w, "12345")
				w.(http.Flusher).Flush()
				hang()
			}, stall: true,
		},
		"it stops to take what is sent": {
			serve: func(_ http.ResponseWriter, _ *http.Request, hang func()) { hang() },
			body:  func() io.Reader { return io.LimitReader(zeros{}, 64<<20) }, stall: true,
		},
		"it is slow but goes on": {serve: func(w http.ResponseWriter, _ *http.Request, _ func()) {
			for range 10 {
				_, _ = io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(patience - 1)
			}
		}},
		"what is sent comes slowly": {
			serve: func(_ http.ResponseWriter, r *http.Request, _ func()) { _, _ = io.Copy(io.Discard, r.Body) },
			body:  func() io.Reader { return &slowly{left: 3, pause: 2 * patience} },
		},
		"what is received is taken slowly": {
			serve: func(w http.ResponseWriter, _ *http.Request, _ func()) { _, _ = io.CopyN(w, zeros{}, 1<<20) }, slow: 2 * patience,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := http.Client{Transport: watching{overPipes(t, test.serve), patience}}
				var body io.Reader
				if test.body != nil {
					body = test.body()
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://registry", body)
				assert.NilError(t, err)
				err = roundTrip(&client, req, test.slow)
				assert.Equal(t, errors.Is(err, errStalled), test.stall, "%v", err)
				if test.stall {
					assert.Assert(t, Transient(err))
				} else {
					assert.NilError(t, err)
				}
			})
		})
	}
}

// overPipes reaches a server over connections in memory, which know the time of the bubble. A handler that hangs does so until
// the test has ended.
func overPipes(t *testing.T, serve func(w http.ResponseWriter, r *http.Request, hang func())) http.RoundTripper {
	t.Helper()
	listener, over := make(pipes), make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, func() { <-over }) })}
	go server.Serve(listener) //nolint:errcheck // it is closed below
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		listener <- theirs
		return ours, nil
	}}
	t.Cleanup(func() {
		close(over)
		transport.CloseIdleConnections()
		assert.NilError(t, server.Close())
	})
	return transport
}

// pipes is a listener for connections in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error { close(p); return nil }
func (pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

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

func TestAPartThatIsTriedAgainIsWaitedForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const has = 120 * finishRate
		client := &http.Client{Transport: watching{overPipes(t, func(w http.ResponseWriter, r *http.Request, _ func()) {
			_, _ = io.Copy(io.Discard, r.Body)
			if r.Method == http.MethodGet {
				w.Header().Set("Range", fmt.Sprintf("0-%d", has-1))
				w.WriteHeader(http.StatusNoContent)
				return
			}
			time.Sleep(2 * stallPatience) // it copies what it has
			w.WriteHeader(http.StatusAccepted)
		}), stallPatience}}
		repo := &remote.Repository{Client: client, PlainHTTP: true, Reference: registry.Reference{Registry: "registry", Repository: "step"}}
		try := partTry{
			uploader: &uploader{retrier: newRetrier(Retry{}, &Counters{}), repo: repo},
			session:  &session{repo: repo, location: endpoint(repo, "/blobs/uploads/1"), offset: has},
			part:     part{at: has, size: 1, open: func(int64) io.ReadCloser { return io.NopCloser(strings.NewReader("x")) }},
			most:     1,
		}
		assert.ErrorIs(t, try.send(t.Context()), errStalled)
		assert.NilError(t, try.send(t.Context()))
	})
}
