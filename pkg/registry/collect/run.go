package collect

import (
	"context"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	// again is how long after a round that failed the next one begins at the latest.
	again = time.Minute
	// firstRound is how long after the beginning of a turn its first round begins at the latest: until then nobody knows how full the storage is.
	firstRound = time.Minute
	// uploadsEvery is how often abandoned uploads are removed, whatever the schedule says of all else.
	uploadsEvery = time.Hour
)

// Turn says when it is this process's turn to collect, among those that use the storage.
type Turn interface {
	// Run calls collect whenever it is this process's turn, with a context that ends when it no longer is, until ctx ends. The turn
	// must not be another's before collect has returned, or Settle has passed.
	Run(ctx context.Context, collect func(context.Context)) error
}

// always is the turn of a process that has the storage to itself.
type always struct{}

func (always) Run(ctx context.Context, collect func(context.Context)) error {
	collect(ctx)
	return ctx.Err()
}

// Run collects by the schedule, while it is this process's turn, until ctx ends. It begins with what a collector before it has left to do,
// and does the first round soon.
// The error is that of ctx or of the turn.
func (c *Collector) Run(ctx context.Context) error {
	var schedule cron.Schedule
	if c.opts.Config.Schedule != "" {
		var err error
		if schedule, err = cron.ParseStandard(c.opts.Config.Schedule); err != nil {
			return fmt.Errorf("reading the schedule: %w", err)
		}
	}
	return c.opts.Turn.Run(ctx, func(ctx context.Context) { c.run(ctx, schedule) })
}

func (c *Collector) run(ctx context.Context, schedule cron.Schedule) {
	began := time.Now()
	uploads := time.NewTicker(uploadsEvery)
	defer uploads.Stop()
	wait := c.after(ctx, schedule, began, c.Finish(ctx))
	for ctx.Err() == nil {
		select {
		case <-wait:
			wait = c.after(ctx, schedule, began, c.turn(ctx, schedule))
		case <-uploads.C:
			if err := c.opts.Uploads(ctx); err != nil {
				c.opts.Log.ErrorContext(ctx, "Abandoned uploads could not all be removed.", "error", err)
			}
		case <-ctx.Done():
		}
	}
}

// after returns a channel that says when it is time again, after what ended with err.
func (c *Collector) after(ctx context.Context, schedule cron.Schedule, began time.Time, err error) <-chan time.Time {
	if err != nil {
		c.opts.Log.ErrorContext(ctx, "The garbage collection did not end well, and is tried again.", "error", err, "after", again)
		return time.After(again)
	}
	next := c.next(schedule, began)
	if next.IsZero() {
		return nil // never
	}
	return time.After(time.Until(next))
}

// next is when the next round of a turn begins that began then; zero if there is none.
func (c *Collector) next(schedule cron.Schedule, began time.Time) time.Time {
	if schedule == nil {
		return time.Time{}
	}
	next := schedule.Next(time.Now()) // zero where it never comes, such as the 31st of February
	if soonest := began.Add(firstRound); c.Last().Started.IsZero() && (next.IsZero() || next.After(soonest)) {
		return soonest
	}
	return next
}

// turn does a round, or without a schedule only what one has left to do.
func (c *Collector) turn(ctx context.Context, schedule cron.Schedule) error {
	if schedule == nil {
		return c.Finish(ctx)
	}
	report, err := c.Collect(ctx)
	if err == nil {
		c.opts.Log.InfoContext(ctx, "Collected garbage.", "report", report)
	}
	return err
}

// Finish does what a round that did not end has left to do, if there is one: requests may be waiting for that.
// Where the storage is shared, only who has the turn may call it.
func (c *Collector) Finish(ctx context.Context) error {
	c.round.Lock()
	defer c.round.Unlock()
	if err := c.finish(ctx, &Report{}); err != nil {
		return fmt.Errorf("finishing a round that did not end: %w", err)
	}
	return nil
}
