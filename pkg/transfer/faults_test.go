package transfer_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// twoLayers is a tree of a raw layer of 5 MiB and a pack.
func twoLayers(t *testing.T) *fs.Dir {
	t.Helper()
	return fs.NewDir(t, "from", fs.WithFile("large", strings.Repeat("01234567", 5<<17)), fs.WithFile("small", "abc"))
}

// eachFirst applies a fault to the first try of every request.
func eachFirst(fault testregistry.Fault) testregistry.Fault {
	var mu sync.Mutex
	seen := map[string]bool{}
	return func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		key := r.Method + r.URL.Path
		if strings.Contains(r.URL.Path, "/uploads/") {
			key = r.Method
		}
		first := !seen[key]
		seen[key] = true
		mu.Unlock()
		return first && fault(w, r)
	}
}

func status(code int) testregistry.Fault {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(code)
		return true
	}
}

// reset breaks the connection without an answer.
func reset(w http.ResponseWriter, _ *http.Request) bool {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
	return true
}

// breakOff sends the start of an answer and then resets.
func breakOff(r *testregistry.Registry) testregistry.Fault {
	return func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodGet || !strings.Contains(req.URL.Path, "/blobs/") || req.Header.Get("Range") != "" {
			return false
		}
		limit := &limited{ResponseWriter: w, left: 1 << 20}
		r.Serve(limit, req)
		if limit.left == 0 {
			panic(http.ErrAbortHandler)
		}
		return true
	}
}

type limited struct {
	http.ResponseWriter
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.left {
		n, _ := l.ResponseWriter.Write(b[:l.left])
		l.left = 0
		return n, io.ErrShortWrite
	}
	l.left -= len(b)
	return l.ResponseWriter.Write(b)
}

type counted struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counted) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return c.ResponseWriter.Write(b)
}

// answer keeps what a registry answers.
type answer struct {
	header  http.Header
	content []byte
}

func (m *answer) Header() http.Header { return m.header }

func (m *answer) WriteHeader(int) {}

func (m *answer) Write(b []byte) (int, error) {
	m.content = append(m.content, b...)
	return len(b), nil
}

// rangeless does not offer ranges.
type rangeless struct{ http.ResponseWriter }

func (r rangeless) WriteHeader(code int) {
	r.Header().Del("Accept-Ranges")
	r.ResponseWriter.WriteHeader(code)
}
