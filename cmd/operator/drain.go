package main

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"
)

// drain is the end of a replica: it goes on serving until the API server has learnt that it is not ready any more, since a
// marked pod that is asked about meanwhile would be refused.
type drain struct {
	delay time.Duration
	begun atomic.Bool
}

var errDraining = errors.New("shutting down")

// after returns a context that ends so long after ctx does.
func (d *drain) after(ctx context.Context) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		d.begun.Store(true)
		time.AfterFunc(d.delay, cancel)
	})
	return later, cancel
}

// ready is a probe that fails from then on.
func (d *drain) ready(*http.Request) error {
	if d.begun.Load() {
		return errDraining
	}
	return nil
}
