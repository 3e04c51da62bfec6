package shim

import (
	"context"
	"syscall"
)

// during does the work in the background while the shim stays attentive: it reaps what ends and shows every other
// signal to heed, whose error ends the work. It returns the work's error, and the work has ended.
func (l *life) during(ctx context.Context, work func(context.Context) error, heed func(syscall.Signal) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	result := make(chan error, 1)
	go func() { result <- work(ctx) }()
	for {
		select {
		case err := <-result:
			return err
		case <-l.signals.child:
			reapAll()
		case sig := <-l.signals.other:
			if err := heed(signalNumber(sig)); err != nil {
				cancel(err)
			}
		}
	}
}
