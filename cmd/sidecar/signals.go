package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is why a command ended: a signal asked for it.
type interrupted struct {
	signal syscall.Signal
	err    error // what the command made of it
}

func (e *interrupted) Error() string {
	if e.signal == syscall.SIGINT {
		return "interrupted"
	}
	return "terminated"
}

// Unwrap returns context.Canceled, and what the command made of it.
func (e *interrupted) Unwrap() []error { return []error{context.Canceled, e.err} }

// untilSignal is a context that SIGINT or SIGTERM ends, with an *interrupted as its cause.
func untilSignal(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			number, _ := s.(syscall.Signal)
			cancel(&interrupted{signal: number})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// killable lets a second signal end the process at once.
func killable(ctx context.Context) {
	context.AfterFunc(ctx, func() { signal.Reset(syscall.SIGINT, syscall.SIGTERM) })
}

// because gives an error that says no more than that the command was canceled its cause.
func because(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if !errors.Is(err, context.Canceled) || cause == nil {
		return err
	}
	if stop, ok := errors.AsType[*interrupted](cause); ok {
		return &interrupted{signal: stop.signal, err: err}
	}
	return cause
}
