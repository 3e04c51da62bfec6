package faults

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// headerTimeout is the time a client has to send the header of a request.
const headerTimeout = time.Minute

// Proxy stands in front of one registry. Where no rule says otherwise it changes nothing: a registry that is gone or that
// breaks off is a connection that is reset, not a status of the proxy's own.
type Proxy struct {
	upstream  *url.URL
	transport *http.Transport
	server    *http.Server
	rules     rules
	journal   *journal
}

// New returns a proxy for the registry at upstream, scheme://host[:port], with the rules in force.
func New(upstream string, list ...Rule) (*Proxy, error) {
	to, err := url.Parse(upstream)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	if to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
		return nil, fmt.Errorf("upstream %q is not of the form http://host:port", upstream)
	}
	p := &Proxy{
		upstream: to,
		// One connection for each request: none of them fails because of what another met.
		transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		journal:   newJournal(),
	}
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ReadHeaderTimeout: headerTimeout, ConnContext: withConn}
	return p, p.SetRules(list...)
}

// Serve takes requests from the listener, which it closes, until Close.
func (p *Proxy) Serve(listener net.Listener) error {
	err := p.server.Serve(listener)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
}

// Close ends all connections at once, held ones too.
func (p *Proxy) Close() error { return errors.Join(p.server.Close(), p.SetRules()) }

// SetRules puts these rules in the place of all that are in force. What those have held goes on.
func (p *Proxy) SetRules(list ...Rule) error { return p.rules.set(list) }

// RemoveRule takes away the rules of that name and tells whether there were any. What they have held goes on.
func (p *Proxy) RemoveRule(name string) bool { return p.rules.remove(name) > 0 }

// Rules returns the rules in force, in order.
func (p *Proxy) Rules() []Standing { return p.rules.standing() }

// Log returns all exchanges since the start or the last ClearLog, in the order of their arrival.
func (p *Proxy) Log() []Exchange {
	list, _ := p.journal.look()
	return list
}

// ClearLog forgets all exchanges; those that go on leave no trace.
func (p *Proxy) ClearLog() { p.journal.clear() }

// Await waits until met is true of the log, or returns why ctx ended.
func (p *Proxy) Await(ctx context.Context, met func([]Exchange) bool) error {
	return p.journal.await(ctx, met)
}

// serve passes one request on, with what a rule does to it. An exchange that must not come to its end takes its
// connection along.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	g := &passage{
		ctx: ctx, cancel: cancel, rules: &p.rules,
		rule:  p.rules.take(r.Method, r.URL.Path),
		entry: p.journal.begin(r.Method, r.URL.Path),
	}
	defer g.entry.end()
	if err := p.pass(w, r, g); err == nil {
		return
	}
	if errors.Is(context.Cause(ctx), errCut) {
		closeCleanly(r)
	} else {
		resetConn(r)
	}
	panic(http.ErrAbortHandler)
}

func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, g *passage) error {
	if g.in(Request) && g.rule.answers() {
		return g.answer(w, r)
	}
	if err := g.gate(Request); err != nil {
		return err
	}
	resp, err := p.transport.RoundTrip(p.outgoing(r, g))
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end, or of no more use
	if g.shortens(Request, r.ContentLength) {
		g.discard(r.Body) // the client need not know, though the registry has answered
	}
	if g.in(Response) && g.rule.answers() {
		return g.respond(w, r)
	}
	if err := g.gate(Response); err != nil {
		return err
	}
	return g.reply(w, resp)
}

// outgoing is the request as the registry gets it. It keeps its Host, so that the registry names itself as its clients do.
func (p *Proxy) outgoing(r *http.Request, g *passage) *http.Request {
	out := r.Clone(g.ctx)
	out.RequestURI = ""
	out.URL.Scheme, out.URL.Host = p.upstream.Scheme, p.upstream.Host
	dropHopByHop(out.Header)
	out.Body = g.body(Request, g.received(r.Body))
	if g.shortens(Request, r.ContentLength) {
		out.ContentLength = g.rule.After
	}
	out.Body = &summedBody{ReadCloser: out.Body, hash: sha256.New(), left: out.ContentLength, tell: g.entry.passed}
	if r.ContentLength == 0 {
		out.Body = nil // else it could be sent in chunks
	}
	return out
}

// dropHopByHop removes what is said to the next hop only, RFC 9110 section 7.6.1.
func dropHopByHop(h http.Header) {
	for _, names := range h.Values("Connection") {
		for name := range strings.SplitSeq(names, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{
		"Connection", "Proxy-Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		h.Del(name)
	}
}
