package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// bench is one run of everything.
type bench struct {
	options
	scratch string
	log     *slog.Logger
	report  *report
}

func (b *bench) run(ctx context.Context) error {
	dir := filepath.Join(b.scratch, "blobs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, w := range workloads(dir, b.Scale) {
		if !b.Only.MatchString(w.key) {
			continue
		}
		b.log.Info("Measuring.", "workload", w.key, "name", w.name)
		if err := b.workload(ctx, w); err != nil {
			return fmt.Errorf("measuring %s: %w", w.key, err)
		}
		for _, l := range w.lines {
			if v, ok := judge(b.report, w, l, b.Scale == 1); ok {
				b.report.Lines = append(b.report.Lines, v)
			}
		}
	}
	return nil
}

// workload measures one contender after the other, in another order every time.
func (b *bench) workload(ctx context.Context, w workload) error {
	contenders, done := b.both(), func() {}
	if w.access {
		var err error
		if contenders, done, err = b.withAccess(); err != nil {
			return err
		}
	}
	defer done()
	for round := range b.Rounds {
		if err := b.floor(ctx, w); err != nil {
			return fmt.Errorf("the floor: %w", err)
		}
		for i := range contenders {
			who := contenders[(i+round)%len(contenders)]
			p := pass{bench: b, workload: w, contender: who}
			took, err := p.run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", who.name, err)
			}
			b.record(w, who.name, took)
		}
	}
	return nil
}

func (b *bench) record(w workload, name string, took sample) {
	m := b.report.of(w, name)
	m.Samples = append(m.Samples, took)
	b.log.Info("Measured.", "who", name, "rate", m.format(rate, took.rate()), "processor", m.format(cost, took.cost()))
}
