package faults

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Why an exchange is broken off.
var (
	errCut   = errors.New("a rule has cut the connection")
	errReset = errors.New("a rule has reset the connection")
)

// passage is one exchange on its way through the proxy, with the rule that takes it.
type passage struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	rules  *rules
	rule   *armed // nil: none
	entry  *entry
	struck bool // the rule's action has begun
}

// in tells whether there is a rule, about this direction.
func (g *passage) in(d Direction) bool { return g.rule != nil && g.rule.Direction == d }

// fire notes, once, that the rule's action happens.
func (g *passage) fire() {
	if g.struck {
		return
	}
	g.struck = true
	g.rules.fire(g.rule)
	g.entry.met(g.rule.Name)
}

// gate is where a message's header would pass: a rule without bytes to wait for acts there.
func (g *passage) gate(d Direction) error {
	if !g.in(d) || g.rule.After > 0 || g.rule.PerRead {
		return nil
	}
	return g.strike()
}

// strike does what happens at one point of an exchange. It returns when that goes on, or why it does not.
func (g *passage) strike() error {
	switch g.rule.Do {
	case Stall:
		g.fire()
		return g.hold(nil)
	case Delay:
		g.fire()
		return g.pause(time.Duration(g.rule.Wait))
	case Cut:
		return g.breakOff(errCut)
	case Reset:
		return g.breakOff(errReset)
	}
	return nil
}

// breakOff ends the exchange on both sides.
func (g *passage) breakOff(why error) error {
	g.fire()
	g.cancel(why)
	return why
}

// pause lets time pass.
func (g *passage) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	return g.hold(timer.C)
}

// hold waits until it is over or the rule is taken away. Its error is that the client has left.
func (g *passage) hold(over <-chan time.Time) error {
	select {
	case <-over:
		return nil
	case <-g.rule.removed:
		return nil
	case <-g.ctx.Done():
		return context.Cause(g.ctx)
	}
}

// shortens tells whether the rule makes a body of this size, -1 if it is not known, a shorter one.
func (g *passage) shortens(d Direction, size int64) bool {
	return g.in(d) && g.rule.Do == Truncate && size > g.rule.After
}

// body is what passes of a body.
func (g *passage) body(d Direction, from io.ReadCloser) io.ReadCloser {
	if !g.in(d) {
		return from
	}
	return &faultyBody{ReadCloser: from, passage: g}
}

// received counts what is read of a request's body. The server closes that: whoever sends it on may have had enough of it
// when there is more to read.
func (g *passage) received(from io.Reader) io.ReadCloser {
	return io.NopCloser(&countedBody{from, g.entry.received})
}

// discard reads the rest of a request's body.
func (g *passage) discard(from io.Reader) {
	_, _ = io.Copy(io.Discard, g.received(from)) // a client that leaves is noticed by who writes to it
}

// reply passes on what the registry answers.
func (g *passage) reply(w http.ResponseWriter, resp *http.Response) error {
	dropHopByHop(resp.Header)
	maps.Copy(w.Header(), resp.Header)
	if g.shortens(Response, resp.ContentLength) {
		w.Header().Set("Content-Length", strconv.FormatInt(g.rule.After, 10))
	}
	w.WriteHeader(resp.StatusCode)
	g.entry.answered(resp.StatusCode)
	return copyFlushed(w, &countedBody{g.body(Response, resp.Body), g.entry.sent})
}

// copyFlushed copies so that what was read has left before more is read: a rule acts after what it says has passed.
func copyFlushed(w http.ResponseWriter, from io.Reader) error {
	flush := http.NewResponseController(w).Flush
	buf := make([]byte, 32<<10)
	for {
		if err := flush(); err != nil {
			return err
		}
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
