package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
)

// pipes is a listener for connections in memory, which know the time of a synctest bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// inMemory runs test for both versions of HTTP, in a bubble in which time only passes when everybody waits. Below what serve
// returns a client of, cutStalled is before the handler.
func inMemory(t *testing.T, test func(t *testing.T, serve func(http.HandlerFunc) *http.Client)) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, func(handler http.HandlerFunc) *http.Client {
					return clientOf(t, handler, http2)
				})
			})
		})
	}
}

func clientOf(t *testing.T, handler http.HandlerFunc, http2 bool) *http.Client {
	t.Helper()
	var protocols http.Protocols
	protocols.SetHTTP1(!http2)
	protocols.SetUnencryptedHTTP2(http2)
	listener := pipes{make(chan net.Conn), make(chan struct{})}
	server := (&server{log: slog.New(slog.DiscardHandler)}).newServer(cutStalled(stallTimeout)(handler))
	server.Protocols = &protocols
	go server.Serve(listener) //nolint:errcheck // it is closed below
	transport := &http.Transport{Protocols: &protocols, DialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		listener.conns <- theirs
		return ours, nil
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		assert.NilError(t, server.Close())
	})
	return &http.Client{Transport: transport}
}

// every is a body that has one byte, n times, each after a pause.
type every struct {
	pause time.Duration
	n     int
}

func (e *every) Read(p []byte) (int, error) {
	if e.n == 0 {
		return 0, io.EOF
	}
	time.Sleep(e.pause)
	e.n--
	p[0] = 'x'
	return 1, nil
}

func post(t *testing.T, client *http.Client, body io.Reader) (status int, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://registry/", body)
	assert.NilError(t, err)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, errors.Join(err, resp.Body.Close())
}

func TestABodyThatNobodyReadsIsNotWaitedForForGood(t *testing.T) {
	inMemory(t, func(t *testing.T, serve func(http.HandlerFunc) *http.Client) {
		client := serve(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "who are you?", http.StatusUnauthorized)
		})
		body, none := io.Pipe()
		start := time.Now()
		status, err := post(t, client, body)
		assert.NilError(t, none.Close())
		assert.NilError(t, err)
		assert.Equal(t, status, http.StatusUnauthorized)
		assert.Assert(t, time.Since(start) <= unreadTimeout, time.Since(start))
	})
}

func TestABodyThatMovesMayTakeHours(t *testing.T) {
	inMemory(t, func(t *testing.T, serve func(http.HandlerFunc) *http.Client) {
		client := serve(func(w http.ResponseWriter, req *http.Request) {
			if n, err := io.Copy(io.Discard, req.Body); n != 30 || err != nil {
				http.Error(w, "cut", http.StatusInternalServerError)
				return
			}
			w.WriteHeader(http.StatusCreated)
		})
		start := time.Now()
		status, err := post(t, client, &every{4 * time.Minute, 30})
		assert.NilError(t, err)
		assert.Equal(t, status, http.StatusCreated)
		assert.Equal(t, time.Since(start), 2*time.Hour)
	})
}

func TestABodyThatStallsIsCut(t *testing.T) {
	inMemory(t, func(t *testing.T, serve func(http.HandlerFunc) *http.Client) {
		read := make(chan error, 1)
		client := serve(func(w http.ResponseWriter, req *http.Request) {
			_, err := io.Copy(io.Discard, req.Body)
			read <- err
			http.Error(w, "a fault of ours", http.StatusInternalServerError)
		})
		body, more := io.Pipe()
		defer more.Close() //nolint:errcheck // nobody reads it
		start := time.Now()
		go more.Write([]byte("x")) //nolint:errcheck // as above
		status, err := post(t, client, body)
		assert.ErrorIs(t, <-read, os.ErrDeadlineExceeded)
		assert.Equal(t, time.Since(start), stallTimeout)
		if err == nil { // the connection may be cut before the answer is read
			assert.Equal(t, status, http.StatusRequestTimeout)
		}
	})
}

func TestAHandlerMayTakeHours(t *testing.T) {
	inMemory(t, func(t *testing.T, serve func(http.HandlerFunc) *http.Client) {
		client := serve(func(w http.ResponseWriter, req *http.Request) {
			var err error
			for p := []byte{0}; err == nil; {
				_, err = req.Body.Read(p)
				time.Sleep(time.Hour)
			}
			if errors.Is(err, io.EOF) && req.Context().Err() == nil {
				w.WriteHeader(http.StatusCreated)
			}
		})
		for range 2 { // nothing is left on the connection
			// What comes while the handler is busy is in time, however late it is.
			status, err := post(t, client, io.MultiReader(strings.NewReader("x"), &every{30 * time.Minute, 2}))
			assert.NilError(t, err)
			assert.Equal(t, status, http.StatusCreated)
		}
	})
}

// large is in bytes: more than buffers on the way hold.
const large = 16 << 20

func TestAClientThatTakesNothingIsCut(t *testing.T) {
	inMemory(t, func(t *testing.T, serve func(http.HandlerFunc) *http.Client) {
		wrote := make(chan error, 1)
		client := serve(func(w http.ResponseWriter, _ *http.Request) {
			_, err := w.Write(make([]byte, large))
			wrote <- err
		})
		resp, err := client.Get("http://registry/")
		assert.NilError(t, err)
		assert.Assert(t, <-wrote != nil)
		n, err := io.Copy(io.Discard, resp.Body)
		assert.Assert(t, err != nil, "the client hears of it, after %d bytes", n)
		assert.NilError(t, resp.Body.Close())
	})
}

func TestAClientThatTakesItsTimeGetsAll(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	assert.NilError(t, os.WriteFile(file, make([]byte, large), 0o600))
	handlers := map[string]http.HandlerFunc{
		"of bytes": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, large))
		},
		"of a file": func(w http.ResponseWriter, req *http.Request) {
			http.ServeFile(w, req, file)
		},
		"of a stream": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, struct{ io.Reader }{bytes.NewReader(make([]byte, large))})
		},
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(t *testing.T, serve func(http.HandlerFunc) *http.Client) {
				resp, err := serve(handler).Get("http://registry/")
				assert.NilError(t, err)
				var n int64
				for err == nil {
					var part int64
					time.Sleep(4 * time.Minute)
					part, err = io.CopyN(io.Discard, resp.Body, stallChunk)
					n += part
				}
				assert.ErrorIs(t, err, io.EOF)
				assert.Equal(t, n, int64(large))
				assert.NilError(t, resp.Body.Close())
			})
		})
	}
}
