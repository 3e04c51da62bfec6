package collect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
)

// fewest is how many nodes are condemned at a time where there is no room to write down more.
const fewest = 256

// Collect does one round now. An error says what ended it early; nothing is lost by that, and the next round goes on where it ended.
// Where the storage is shared, only who has the turn may call it.
func (c *Collector) Collect(ctx context.Context) (Report, error) {
	c.round.Lock()
	defer c.round.Unlock()
	report := Report{Started: time.Now()}
	if err := c.collect(ctx, &report); err != nil {
		return report, fmt.Errorf("collecting garbage: %w", err)
	}
	report.Took = time.Since(report.Started)
	c.mu.Lock()
	c.last = report
	c.mu.Unlock()
	c.opts.Done(report)
	return report, nil
}

func (c *Collector) collect(ctx context.Context, report *Report) error {
	abandoned := wrap("removing abandoned uploads", c.opts.Uploads(ctx)) // first, since it makes room
	return errors.Join(abandoned, c.removeDead(ctx, report))
}

func (c *Collector) removeDead(ctx context.Context, report *Report) error {
	if err := c.finish(ctx, report); err != nil {
		return err
	}
	now, err := c.store.now(ctx)
	if err != nil {
		return err
	}
	s, err := c.looker.look(ctx, now)
	if err != nil {
		return err
	}
	report.found(s)
	before, err := c.gate.read(ctx, 0)
	if err != nil {
		return err
	}
	d := decide(s, c.opts.Config, before.quarantine)
	if err := c.quarantine(ctx, before.quarantine, d.quarantine); err != nil {
		return err
	}
	report.Quarantined = len(d.quarantine)
	if len(d.condemned) > 0 {
		gone, err := c.execute(ctx, d.condemned, report)
		if err != nil {
			return err
		}
		rest := maps.Clone(d.quarantine)
		maps.DeleteFunc(rest, func(n node, _ time.Time) bool { return gone[n] })
		report.Quarantined = len(rest)
		if err := c.quarantine(ctx, d.quarantine, rest); err != nil {
			return err
		}
	}
	c.store.reserve(ctx)
	return nil
}

// quarantine writes down what is quarantined, if it is not what was before; what is new, from now on. In one process it holds without
// being written down, so that a full disk does not keep it from being made room on.
func (c *Collector) quarantine(ctx context.Context, before, nodes listed) error {
	if maps.EqualFunc(before, nodes, time.Time.Equal) {
		return nil
	}
	now, err := c.store.now(ctx)
	if err != nil {
		return err
	}
	for n, since := range nodes {
		if since.IsZero() {
			nodes[n] = now
		}
	}
	if err := c.store.save(ctx, quarantineRecord, nodes); err != nil {
		if c.opts.Shared || ctx.Err() != nil {
			return err
		}
		c.opts.Log.WarnContext(ctx, "What is quarantined is not written down; a restart would forget it.", "error", err)
	}
	c.gate.quarantined(nodes)
	return nil
}

// finish does what a collector that was killed, or a round that failed, has left to do.
func (c *Collector) finish(ctx context.Context, report *Report) error {
	left, err := c.store.load(ctx, condemnedRecord)
	if errors.Is(err, errRecord) {
		c.opts.Log.WarnContext(ctx, "Who is condemned cannot be read; all are pardoned.", "error", err)
		return c.pardon(ctx)
	}
	if err != nil {
		return err
	}
	maps.Copy(left, c.gate.left())
	if len(left) == 0 {
		return nil
	}
	c.opts.Log.InfoContext(ctx, "A round that did not end is finished.", "condemned", len(left))
	_, err = c.execute(ctx, left, report)
	return err
}

// execute condemns nodes, waits for those who may make use of one, and removes what is dead still. Then all others are pardoned.
//
// If it fails before it has begun to remove, all are pardoned too. Later they stay condemned, since what a storage did not confirm it may
// yet do. The record says so; where there is none but for the memory of one process, that does.
func (c *Collector) execute(ctx context.Context, nodes listed, report *Report) (gone map[node]bool, err error) {
	c.gate.condemn(nodes)
	if c.opts.Shared {
		defer c.gate.condemn(nil) // the record holds for this process too, even where it is another's turn now
	}
	s, nodes, err := c.prepare(ctx, nodes)
	if errors.Is(err, errOverruled) {
		return nil, err // it is another's record
	}
	if err != nil {
		return nil, errors.Join(err, c.spare(ctx))
	}
	gone = doomed(s, c.opts.Config, nodes)
	if err := sweep(ctx, c.opts.Driver, s, gone, report); err != nil {
		return nil, err
	}
	return gone, c.pardon(ctx)
}

// prepare does what comes before anything is removed, and returns the last look and who is condemned.
func (c *Collector) prepare(ctx context.Context, nodes listed) (*snapshot, listed, error) {
	nodes, err := c.condemn(ctx, nodes)
	if err != nil {
		return nil, nil, err
	}
	s, err := c.settle(ctx)
	if err != nil || !c.opts.Shared {
		return s, nodes, err
	}
	// If this process's turn has ended without its knowing, who has it now may have pardoned them.
	written, err := c.store.load(ctx, condemnedRecord)
	if err == nil && !maps.EqualFunc(written, nodes, time.Time.Equal) {
		err = errOverruled
	}
	return s, nodes, err
}

// condemn writes down who is condemned, so that other processes know. Where there is no room for all, it is fewer, or, if there are no
// other processes, only the gate knows.
func (c *Collector) condemn(ctx context.Context, nodes listed) (listed, error) {
	err := c.store.save(ctx, condemnedRecord, nodes)
	if err == nil || ctx.Err() != nil {
		c.gate.forgetOthers()
		return nodes, err
	}
	if !c.opts.Shared {
		c.opts.Log.WarnContext(ctx, "Who is condemned is not written down.", "error", err)
		return nodes, nil
	}
	nodes = first(nodes, fewest)
	if again := c.store.save(ctx, condemnedRecord, nodes); again != nil {
		return nil, errors.Join(err, again)
	}
	c.gate.condemn(nodes)
	c.gate.forgetOthers()
	return nodes, nil
}

// settle waits for all who began before nodes were condemned, and looks again.
func (c *Collector) settle(ctx context.Context) (*snapshot, error) {
	if c.opts.Shared {
		select {
		case <-time.After(c.opts.Settle):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := c.gate.settled(ctx); err != nil {
		return nil, err
	}
	now, err := c.store.now(ctx)
	if err != nil {
		return nil, err
	}
	return c.looker.look(ctx, now)
}

// pardon lets everybody go on who waits. The record goes first: while it is there, the next round begins with it.
func (c *Collector) pardon(ctx context.Context) error {
	if err := c.store.save(ctx, condemnedRecord, nil); err != nil {
		return err
	}
	c.gate.condemn(nil)
	return nil
}

// spare pardons all after nothing was removed. If it is no longer this process's turn, the record is another's, and with only one
// process it does not matter until the next one starts.
func (c *Collector) spare(ctx context.Context) error {
	if ctx.Err() == nil {
		return c.pardon(ctx)
	}
	c.gate.condemn(nil)
	return nil
}

// first returns at most n of nodes: tags, then manifests, then blobs. What is kept by one that is left out stays for now, see [doomed].
func first(nodes listed, n int) listed {
	some := listed{}
	for _, each := range sorted(nodes)[:min(n, len(nodes))] {
		some[each] = nodes[each]
	}
	return some
}
