package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// session is one run of a command at a terminal.
type session struct {
	common
	cmd      *cobra.Command
	roots    *x509.CertPool
	password string
	log      *slog.Logger
	err      *passage // standard error
	counters transfer.Counters
	patience patience
}

// passage is a writer that leads to another one, which may change: while a bar is drawn, lines go above it.
type passage struct {
	mu sync.Mutex
	w  io.Writer
}

func (p *passage) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.w.Write(b)
}

// lead has everything go to w from now on.
func (p *passage) lead(w io.Writer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.w = w
}

// tell tells people what is going on, unless they want quiet.
func (s *session) tell(format string, args ...any) {
	if !s.quiet {
		_, _ = fmt.Fprintf(s.err, format+"\n", args...) // there is no other place to tell that this is not possible
	}
}

func (s *session) warn(warnings []string) {
	for _, warning := range warnings {
		s.tell("Warning: %s", warning)
	}
}

// bound is the context of a command: it ends after --timeout, and when patience does.
func (s *session) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	s.patience.cancel = cancel
	stop := func() { cancel(nil) }
	if s.timeout > 0 {
		ctx, stop = context.WithTimeout(ctx, s.timeout)
	}
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// retry is how requests are tried again: as long as patience lasts.
func (s *session) retry() transfer.Retry {
	retry := transfer.Retry{Notify: func(a transfer.Attempt) {
		if s.patience.failed(a, s.counters.Work.Load(), time.Now()) {
			s.tell("%s, trying again in %s", cause(a.Err), a.Wait.Round(100*time.Millisecond))
		}
	}}
	if s.timeout == 0 {
		retry.Limit = math.MaxInt64
	}
	return retry
}

// cause says in a few words what keeps a request from getting through.
func cause(err error) string {
	if status := answered(err); status != 0 {
		return fmt.Sprintf("The registry answered %d", status)
	}
	return fmt.Sprintf("The registry cannot be reached (%v)", err)
}

// maxPatience is how long nothing may get through before a command gives up.
const maxPatience = time.Minute

// maxAttempt is how long an attempt may take to fail so that its failure counts as one more of the same trouble.
const maxAttempt = 30 * time.Second

// patience ends when nothing has got through for a while.
type patience struct {
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	since time.Time // the first failure after anything got through; zero without one
	work  int64     // what had got through then
	until time.Time // when a failure after the last one belongs to the same trouble
	quiet time.Time // until when the next failure is not told
}

// failed notes a failure and reports whether it is to be told.
func (p *patience) failed(a transfer.Attempt, work int64, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() || work != p.work || now.After(p.until) {
		p.since, p.work = now, work
	}
	p.until = now.Add(a.Wait + maxAttempt)
	if now.Sub(p.since) >= maxPatience {
		p.cancel(fmt.Errorf("gave up, as nothing has got through for %s: %w", now.Sub(p.since).Round(time.Second), a.Err))
		return false
	}
	if now.Before(p.quiet) {
		return false
	}
	p.quiet = now.Add(max(a.Wait, time.Second))
	return true
}
