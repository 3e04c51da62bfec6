package faults

import (
	"context"
	"sync"
	"time"
)

// maxExchanges bounds the log; when it is full the older half is forgotten.
const maxExchanges = 100_000

// Exchange is one request and what came of it.
type Exchange struct {
	Number   int       `json:"number"` // from 1, in the order of arrival
	Time     time.Time `json:"time"`   // of arrival
	Method   string    `json:"method"`
	Path     string    `json:"path"`             // without the query, which may hold a secret
	Status   int       `json:"status,omitempty"` // as the client got it; 0: it got none
	Received int64     `json:"received"`         // bytes of the request's body that were taken from the client
	Sent     int64     `json:"sent"`             // bytes of the response's body that were given to the client
	Digest   string    `json:"digest,omitempty"` // of the request's body as the registry was given it, once all of it was; empty without one
	Rule     string    `json:"rule,omitempty"`   // name of the rule whose action has happened
	Open     bool      `json:"open,omitempty"`   // it has not ended
}

// journal remembers exchanges.
type journal struct {
	mu        sync.Mutex
	exchanges []*Exchange
	last      int           // number of the last exchange
	changed   chan struct{} // closed, and made anew, when an exchange begins, meets its rule or ends
}

func newJournal() *journal { return &journal{changed: make(chan struct{})} }

// entry is an exchange that goes on.
type entry struct {
	journal  *journal
	exchange *Exchange
}

// begin notes a request.
func (j *journal) begin(method, path string) *entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.exchanges) == maxExchanges {
		j.exchanges = append([]*Exchange(nil), j.exchanges[maxExchanges/2:]...)
	}
	j.last++
	x := &Exchange{Number: j.last, Time: time.Now(), Method: method, Path: path, Open: true}
	j.exchanges = append(j.exchanges, x)
	j.announce()
	return &entry{j, x}
}

// announce wakes who waits. The caller holds the lock.
func (j *journal) announce() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// look returns all exchanges as they are now, and what is closed when that is no longer so.
func (j *journal) look() ([]Exchange, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]Exchange, len(j.exchanges))
	for i, x := range j.exchanges {
		list[i] = *x
	}
	return list, j.changed
}

// clear forgets all exchanges.
func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.exchanges = nil
}

// await waits until met is true of the exchanges, or ctx ends.
func (j *journal) await(ctx context.Context, met func([]Exchange) bool) error {
	for {
		list, changed := j.look()
		if met(list) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// received counts bytes from the client.
func (e *entry) received(n int) {
	e.journal.mu.Lock()
	defer e.journal.mu.Unlock()
	e.exchange.Received += int64(n)
}

// sent counts bytes to the client.
func (e *entry) sent(n int) {
	e.journal.mu.Lock()
	defer e.journal.mu.Unlock()
	e.exchange.Sent += int64(n)
}

// answered notes the status that the client gets.
func (e *entry) answered(status int) {
	e.journal.mu.Lock()
	defer e.journal.mu.Unlock()
	e.exchange.Status = status
}

// passed notes the digest of what the registry was given.
func (e *entry) passed(digest string) {
	e.journal.mu.Lock()
	defer e.journal.mu.Unlock()
	e.exchange.Digest = digest
}

// met notes that the action of a rule happens.
func (e *entry) met(rule string) {
	e.journal.mu.Lock()
	defer e.journal.mu.Unlock()
	e.exchange.Rule = rule
	e.journal.announce()
}

// end notes that nothing more happens.
func (e *entry) end() {
	e.journal.mu.Lock()
	defer e.journal.mu.Unlock()
	e.exchange.Open = false
	e.journal.announce()
}
