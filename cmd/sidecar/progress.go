package main

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// How often people are told how far it is.
const (
	barEvery  = 200 * time.Millisecond
	lineEvery = 5 * time.Second
)

// progress tells how far an operation is until stop is called: with a bar on a terminal, elsewhere with a line now and
// then. It is doing such as "Pulling" with something such as "localhost:5000/a:v1".
func (s *session) progress(doing, with string) (stop func()) {
	switch {
	case s.quiet:
		return func() {}
	case isTerminal(s.cmd.ErrOrStderr()):
		return s.bar(doing)
	}
	return s.lines(doing + " " + with)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// lines tells in sentences, as long as anything gets on.
func (s *session) lines(doing string) (stop func()) {
	var told sample
	return s.every(lineEvery, func(m *meter) {
		now := m.last()
		told.at = now.at
		if now != told {
			s.tell("%s: %s", doing, m)
		}
		told = now
	})
}

// every samples the counters, and tells at once when that is due.
func (s *session) every(interval time.Duration, tell func(*meter)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		var m meter
		m.add(sampleOf(&s.counters, time.Now()))
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				m.add(sampleOf(&s.counters, now))
				tell(&m)
			}
		}
	})
	return func() {
		cancel()
		group.Wait()
	}
}

// bar draws a bar. What is told meanwhile goes above it.
func (s *session) bar(doing string) (stop func()) {
	terminal := s.cmd.ErrOrStderr()
	p := mpb.New(mpb.WithOutput(terminal), mpb.WithWidth(80), mpb.WithAutoRefresh())
	var mu sync.Mutex
	text := ""
	b := p.AddBar(0, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(doing+" "), decor.NewPercentage("%d")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			mu.Lock()
			defer mu.Unlock()
			return text
		})))
	s.err.lead(p)
	stopTelling := s.every(barEvery, func(m *meter) {
		mu.Lock()
		text = " " + m.String()
		mu.Unlock()
		b.SetTotal(max(1, m.last().totalBytes), false)
		b.SetCurrent(max(0, m.last().bytes))
	})
	return func() {
		stopTelling()
		s.err.lead(terminal)
		b.Abort(true)
		p.Wait()
	}
}
