package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/converged-computing/oras-operator/test/bench/link"
	"github.com/converged-computing/oras-operator/test/bench/server"
)

// bench is one run of everything.
type bench struct {
	options
	scratch string
	log     *slog.Logger
	report  *report
}

func (b *bench) run(ctx context.Context) error {
	for _, measure := range []func(context.Context) error{b.beside, b.own, b.apart} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// beside measures against the stock registry.
func (b *bench) beside(ctx context.Context) error {
	r := b.runner(loopback(), server.Stock(b.registry), "Stock registry on the same machine")
	err := r.run(ctx, "stock", overLoopback(), b.Only)
	if err == nil {
		err = r.run(ctx, "memory", forMemory(), b.Only)
	}
	b.add(r.table, overall(r.table)...)
	return err
}

// own measures against our registry.
func (b *bench) own(ctx context.Context) error {
	r := b.runner(loopback(), server.Own(b.operator), "Our registry on the same machine")
	err := r.run(ctx, "own", overLoopback(), b.Only)
	b.add(r.table, overall(r.table)...)
	return err
}

// apart measures against the stock registry at the other end of a link. Where none can be made the report says so.
func (b *bench) apart(ctx context.Context) error {
	const table = "link"
	if !slices.ContainsFunc(overLink(), func(w workload) bool { return b.Only.MatchString(table + "/" + w.key) }) {
		return nil
	}
	l, err := link.New(link.Options{Rate: linkRate, Delay: linkDelay, Queue: linkQueue})
	if err != nil {
		b.report.Link = "There is no link: " + err.Error() + "."
		return nil
	}
	defer l.Close()
	probe, err := l.Measure(ctx)
	if err != nil {
		return fmt.Errorf("measuring the link: %w", err)
	}
	b.report.Link = "The link, measured with plain TCP: " + probe.String() + "."
	b.log.Info(b.report.Link)
	r := b.runner(over(l), server.Stock(b.registry), "Stock registry over a link of 1 Gbit/s and 20 ms")
	err = r.run(ctx, table, overLink(), b.Only)
	b.add(r.table)
	return err
}

// The link of the goals: 1 Gbit/s, and 20 ms there and back.
const (
	linkRate  = 1e9
	linkDelay = 10 * time.Millisecond
	linkQueue = 8 * mib
)

func (b *bench) runner(at site, kind server.Kind, title string) *runner {
	return &runner{
		site: at, kind: kind, tools: []tool{ours(b.sidecar, at.plainHTTP), stock(b.oras)},
		rounds: b.Rounds, scale: b.Scale, counted: !at.plainHTTP, scratch: b.scratch, log: b.log, table: &table{Title: title},
	}
}

// add adds a table in which something was measured, even if more was to be.
func (b *bench) add(t *table, more ...verdict) {
	if len(t.Measurements) == 0 {
		return
	}
	t.Lines = append(t.Lines, more...)
	if b.Scale != 1 { // the goals are about whole sizes
		for i := range t.Lines {
			t.Lines[i].Goal, t.Lines[i].Met = "", nil
		}
	}
	b.report.Tables = append(b.report.Tables, t)
}
