package collect

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

func TestRoundsGoByTheSchedule(t *testing.T) {
	opts := Options{Config: Config{Schedule: "@every 30m"}}
	inWorld(t, opts, func(t *testing.T, w *world) {
		assert.Equal(t, w.upload("step", digest.FromString("lost"), []byte("lost")), http.StatusCreated)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.collector.Run(ctx) }()
		began := time.Now()
		time.Sleep(29 * time.Minute)
		assert.Equal(t, w.collector.Last().Started.Sub(began), firstRound, "once soon")
		time.Sleep(5 * time.Hour)
		assert.Assert(t, !w.there(t, data("lost")))
		assert.Assert(t, time.Since(w.collector.Last().Started) <= 30*time.Minute)
		stop()
		assert.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestWithoutAScheduleOnlyWhatWasBegunIsFinished(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		d := condemnLost(t, w)
		assert.NilError(t, w.collector.store.save(t.Context(), condemnedRecord, listed{blobNode(d): time.Now().Add(-grace)}))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.collector.Run(ctx) }()
		time.Sleep(24 * time.Hour)
		assert.Assert(t, !w.there(t, data("lost")))
		assert.Assert(t, w.there(t, data("{}")))
		stop()
		assert.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestARoundThatFailedIsSoonTriedAgain(t *testing.T) {
	opts := Options{Config: Config{Schedule: "@every 24h"}}
	inWorld(t, opts, func(t *testing.T, w *world) {
		var broken atomic.Bool
		broken.Store(true)
		w.driver.fail = func(op, _ string) error {
			if op == "list" && broken.Load() {
				return http.ErrServerClosed
			}
			return nil
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.collector.Run(ctx) }()
		time.Sleep(24*time.Hour + time.Second)
		broken.Store(false)
		time.Sleep(again)
		assert.Assert(t, !w.collector.Last().Started.IsZero())
		stop()
		assert.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestAScheduleThatNeverComesIsOneRound(t *testing.T) {
	inWorld(t, Options{Config: Config{Schedule: "0 0 31 2 *"}}, func(t *testing.T, w *world) {
		began := time.Now()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.collector.Run(ctx) }()
		time.Sleep(24 * time.Hour)
		assert.Equal(t, w.collector.Last().Started.Sub(began), firstRound)
		stop()
		assert.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestAbandonedUploadsGoWithoutASchedule(t *testing.T) {
	var calls atomic.Int32
	opts := Options{Uploads: func(context.Context) error {
		calls.Add(1)
		return nil
	}}
	inWorld(t, opts, func(t *testing.T, w *world) {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.collector.Run(ctx) }()
		time.Sleep(24*time.Hour + time.Second)
		assert.Equal(t, calls.Load(), int32(24))
		stop()
		assert.ErrorIs(t, <-done, context.Canceled)
	})
}

// A process that is told to stop waits for its collector, which may be reading millions of files.
func TestALookEndsWhenItIsToldTo(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		for _, name := range []string{"a", "b", "c"} {
			w.push(t, name, "v1", name)
		}
		ctx, cancel := context.WithCancel(t.Context())
		after := 0
		w.driver.fail = func(op, _ string) error {
			if op == "stat" && ctx.Err() != nil {
				after++
			}
			if op == "stat" {
				cancel()
			}
			return nil
		}
		_, err := w.collector.Collect(ctx)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, after, 0, "it went on")
	})
}
