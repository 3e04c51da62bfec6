package main

import (
	"context"
	"log/slog"
)

// bench is one run of everything.
type bench struct {
	options
	scratch string
	log     *slog.Logger
	report  *report
}

func (b *bench) run(ctx context.Context) error {
	for _, measure := range []func(context.Context) error{b.beside, b.own} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// beside measures against the stock registry.
func (b *bench) beside(ctx context.Context) error {
	r := b.runner(loopback(), stockRegistry(b.registry), "Stock registry on the same machine")
	if err := r.run(ctx, "stock", overLoopback(), b.only); err != nil {
		return err
	}
	if err := r.run(ctx, "memory", forMemory(), b.only); err != nil {
		return err
	}
	b.add(r.table, overall(r.table)...)
	return nil
}

// own measures against our registry.
func (b *bench) own(ctx context.Context) error {
	r := b.runner(loopback(), ownRegistry(b.operator), "Our registry on the same machine")
	if err := r.run(ctx, "own", overLoopback(), b.only); err != nil {
		return err
	}
	b.add(r.table, overall(r.table)...)
	return nil
}

func (b *bench) runner(at site, kind registryKind, title string) *runner {
	return &runner{
		site: at, kind: kind, tools: []tool{ours(b.sidecar, at.plainHTTP), stock(b.oras)},
		rounds: b.rounds, scale: b.scale, counted: !at.plainHTTP, scratch: b.scratch, log: b.log, table: &table{Title: title},
	}
}

// add adds a table in which something was measured.
func (b *bench) add(t *table, more ...verdict) {
	if len(t.Measurements) > 0 {
		t.Lines = append(t.Lines, more...)
		b.report.Tables = append(b.report.Tables, t)
	}
}
