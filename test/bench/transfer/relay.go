package main

import (
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
)

// traffic is what went over the wire, headers included, as a client sees it.
type traffic struct {
	Sent     int64          `json:"sentBytes"`
	Received int64          `json:"receivedBytes"`
	Requests map[string]int `json:"requests"` // by method
}

// relay is a proxy before a registry that counts.
type relay struct {
	addr           string
	server         http.Server
	sent, received atomic.Int64
	mu             sync.Mutex
	requests       map[string]int
}

// newRelay starts a relay before the registry at an address of this machine.
func newRelay(registry string) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{addr: l.Addr().String(), requests: map[string]int{}}
	// The name of the host stays what the client wrote, so that the registry's answers lead back here.
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: registry})
			p.Out.Host = p.In.Host
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 16},
	}
	r.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.requests[req.Method]++
		r.mu.Unlock()
		proxy.ServeHTTP(w, req)
	})
	go r.server.Serve(countingListener{l, r}) //nolint:errcheck // it ends at close
	return r, nil
}

// take returns what was counted since the last time.
func (r *relay) take() traffic {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := traffic{Sent: r.sent.Swap(0), Received: r.received.Swap(0), Requests: maps.Clone(r.requests)}
	clear(r.requests)
	return t
}

func (r *relay) close() { _ = r.server.Close() } // its clients have ended

type countingListener struct {
	net.Listener
	relay *relay
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countingConn{c, l.relay}, err
}

// countingConn is the relay's end of a client's connection: what it reads, the client has sent.
type countingConn struct {
	net.Conn
	relay *relay
}

func (c countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.relay.sent.Add(int64(n))
	return n, err
}

func (c countingConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.relay.received.Add(int64(n))
	return n, err
}
