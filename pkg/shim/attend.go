package shim

import (
	"context"
	"syscall"
)

// during does the work in the background while the shim stays attentive: it reaps what ends and shows every other
// signal to heed, whose error ends the work and is what it returns, also where the work was done at that moment. Else it
// returns the work's error. The work has ended.
func (l *life) during(ctx context.Context, work func(context.Context) error, heed func(syscall.Signal) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var told error
	result := make(chan error, 1)
	go func() { result <- work(ctx) }()
	for {
		select {
		case err := <-result:
			if told != nil {
				return told
			}
			return err
		case <-l.signals.child:
			reapAll()
		case sig := <-l.signals.other:
			if err := heed(signalNumber(sig)); err != nil && told == nil {
				told = err
				cancel(err)
			}
		}
	}
}
