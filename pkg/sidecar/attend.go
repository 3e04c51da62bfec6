package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// attempt is one run of one container's command, from its shim's connection on.
type attempt struct {
	*Sidecar
	container string
	number    int
	lender    *lender
	log       *slog.Logger
}

// attend serves one shim, from the inputs it must be given to the outputs it lends. It returns when the attempt is
// over, when its shim is gone, or when ctx ends; a shim that connects again is taken up where the records say.
func (s *Sidecar) attend(ctx context.Context, conn *handoff.Conn, hello handoff.Hello) {
	log := s.log.With("container", hello.Container, "attempt", hello.Attempt)
	log.Debug("A shim has connected.")
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := &attempt{
		Sidecar:   s,
		container: hello.Container,
		number:    hello.Attempt,
		lender:    newLender(ctx, conn, log, func(err error) { cancel(err) }),
		log:       log,
	}
	if err := a.serve(ctx); err != nil {
		log.Info("A shim is attended to no longer.", "reason", err)
	}
}

func (a *attempt) serve(ctx context.Context) error {
	ready, err := a.inputs.wait(ctx)
	if err != nil {
		return err
	}
	if ready.State == handoff.OK && ready.Deliver {
		if err := a.deliver(ctx, ready); err != nil {
			return err
		}
	}
	done, err := handoff.Await(ctx, a.step.RunDir, a.step.RunDir.Done(a.container, a.number),
		func(handoff.Done) bool { return true })
	if err != nil && ctx.Err() == nil {
		return a.refuse(ctx, err)
	}
	if err != nil {
		return err
	}
	a.log.Info("The command has ended.", "exitCode", done.ExitCode)
	if err := a.finish(ctx, ready, done); err != nil {
		return err
	}
	<-ctx.Done() // the shim exits, or the pod ends
	return nil
}

// refuse fails an attempt whose end the shim has recorded in a way that cannot be read.
func (a *attempt) refuse(ctx context.Context, unreadable error) error {
	failure := &handoff.Failure{Code: handoff.ExitConfig, Message: "the end of the command is not known: " + unreadable.Error()}
	err := handoff.Write(a.step.RunDir.Pushed(a.container, a.number), handoff.Pushed{State: handoff.Failed, Failure: failure})
	if err != nil {
		return fmt.Errorf("recording the push: %w", err)
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// finish pushes what the attempt has made, unless an earlier sidecar has.
func (a *attempt) finish(ctx context.Context, ready handoff.Ready, done handoff.Done) error {
	path := a.step.RunDir.Pushed(a.container, a.number)
	earlier, err := handoff.Read[handoff.Pushed](path)
	if err == nil && earlier.State.Final() {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Warn("The record of an earlier push cannot be read, pushing anew.", "error", err)
	}
	pushed := a.push(ctx, ready, done)
	if ctx.Err() != nil {
		return context.Cause(ctx) // no verdict was reached: the next sidecar or connection goes on
	}
	if err := handoff.Write(path, pushed); err != nil {
		return fmt.Errorf("recording the push: %w", err)
	}
	a.log.Info("The outputs are dealt with.", "state", pushed.State, "outputs", len(pushed.Outputs))
	return nil
}
