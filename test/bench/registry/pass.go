package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/test/bench/gauge"
	"github.com/converged-computing/oras-operator/test/bench/server"
)

// pass is a workload, gone through once with one contender, whose registry is empty at first.
type pass struct {
	*bench
	workload  workload
	contender contender
}

func (p *pass) run(ctx context.Context) (took sample, err error) {
	registry, err := server.Serve(ctx, server.Loopback(), p.contender.kind, p.scratch)
	if err != nil {
		return sample{}, err
	}
	end := registry.Stop
	if p.workload.files {
		end = registry.End
	}
	defer end()
	conns, err := p.connect(ctx, registry.Addr)
	if err != nil {
		return sample{}, err
	}
	closeAll := func() {
		for _, c := range conns {
			c.close()
		}
	}
	defer closeAll()
	defer context.AfterFunc(ctx, closeAll)() // ends what is under way
	if err := p.workload.prepare(conns[0]); err != nil {
		return sample{}, fmt.Errorf("preparing: %w", err)
	}
	slow := max(1, p.contender.slow)
	warm, items := p.workload.warm/slow, p.workload.items/slow
	if err := p.items(ctx, conns, 0, warm); err != nil {
		return sample{}, fmt.Errorf("warming up: %w", err)
	}
	unix.Sync() // what was written before is not to be paid for here
	before, err := gauge.ProcessorTime(registry.PID())
	if err != nil {
		return sample{}, err
	}
	began := time.Now()
	if err := p.items(ctx, conns, warm, items); err != nil {
		return sample{}, err
	}
	took = sample{Seconds: time.Since(began).Seconds(), Units: p.workload.units(items)}
	after, err := gauge.ProcessorTime(registry.PID())
	if err != nil {
		return sample{}, err
	}
	took.CPU = (after - before).Seconds()
	took.Memory, err = gauge.PeakMemory(registry.PID())
	return took, err
}

func (p *pass) connect(ctx context.Context, addr string) (conns []*conn, err error) {
	for range p.workload.atOnce {
		c, err := dial(ctx, addr, p.contender.authorization)
		if err != nil {
			return nil, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// items does so many of them, from a number on, with all connections.
func (p *pass) items(ctx context.Context, conns []*conn, from, many int) error {
	return inParallel(ctx, len(conns), from, many, func(worker, number int) error {
		return p.workload.item(conns[worker], number)
	})
}

// inParallel has workers do so many numbers, from one on. Each worker takes the next number that nobody has begun.
func inParallel(ctx context.Context, workers, from, many int, do func(worker, number int) error) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for worker := range workers {
		group.Go(func() error {
			for ctx.Err() == nil {
				number := int(next.Add(1)) - 1
				if number >= many {
					return nil
				}
				if err := do(worker, from+number); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// units is how many GiB so many items are, or how many items where bytes do not count.
func (w workload) units(items int) float64 {
	if w.bytes > 0 {
		return float64(items) * float64(w.bytes) / gib
	}
	return float64(items)
}

// floor measures how fast the disk alone takes what the items leave there.
func (b *bench) floor(ctx context.Context, w workload) (err error) {
	if w.floor == nil {
		return nil
	}
	if err := w.prepare(nil); err != nil { // a workload with a floor uses no connection for this
		return err
	}
	dir, err := os.MkdirTemp(b.scratch, "floor-")
	if err != nil {
		return err
	}
	if !w.files {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	unix.Sync()
	began := time.Now()
	if err := inParallel(ctx, w.atOnce, 0, w.items, func(_, number int) error { return w.floor(dir, number) }); err != nil {
		return err
	}
	b.record(w, nameFloor, sample{Seconds: time.Since(began).Seconds(), Units: w.units(w.items)})
	return nil
}
