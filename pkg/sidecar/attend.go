package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// reconnectGrace is how long a shim whose connection broke may take to come back; one that lives does at once.
const reconnectGrace = time.Second

// attempt is one run of one container's command, from its shim's connection on.
type attempt struct {
	*Sidecar
	container string
	number    int
	lender    *lender
	log       *slog.Logger
}

// attend serves one shim, from the inputs it must be given to the outputs it lends. It returns when the attempt is
// over, when its shim is gone for good, or when ctx ends; a shim that connects again is taken up where the records say.
func (s *Sidecar) attend(ctx context.Context, conn *handoff.Conn, hello handoff.Hello) {
	log := s.log.With("container", hello.Container, "attempt", hello.Attempt)
	log.Debug("A shim has connected.")
	served, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := &attempt{
		Sidecar:   s,
		container: hello.Container,
		number:    hello.Attempt,
		lender:    newLender(served, conn, log, func(err error) { cancel(err) }),
		log:       log,
	}
	if err := a.serve(served); err != nil {
		log.Info("A shim is attended to no longer.", "reason", err)
	}
	if errors.Is(context.Cause(served), errShimGone) {
		a.afterwards(ctx)
	}
}

// afterwards deals with a shim that is gone, unless it connects again, which ends ctx.
func (a *attempt) afterwards(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(reconnectGrace):
		a.bury(a.container, a.number)
	}
}

func (a *attempt) serve(ctx context.Context) error {
	if a.number > 1 && !a.onlyPushes() {
		a.buryBefore(a.container, a.number)
	}
	if err := a.admit(ctx); err != nil {
		return err
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
	if err := a.finish(ctx, done); err != nil {
		return err
	}
	<-ctx.Done() // the shim exits, or the pod ends
	return nil
}

// onlyPushes tells whether the attempt stands for an earlier one, and will push what that has left.
func (a *attempt) onlyPushes() bool {
	done, err := handoff.Read[handoff.Done](a.step.RunDir.Done(a.container, a.number))
	return err == nil && ranAs(a.number, done) < a.number
}

// admit gives the attempt its inputs and its verdict on them. One that has ended needs none: a sidecar before this one
// saw to it, or it only pushes.
func (a *attempt) admit(ctx context.Context) error {
	_, err := handoff.Read[handoff.Done](a.step.RunDir.Done(a.container, a.number))
	if !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if a.number == 1 {
		return a.admitFirst(ctx)
	}
	if err := a.appeal(); err != nil {
		return err
	}
	ready, err := a.inputs.wait(ctx)
	if err != nil {
		return err
	}
	return a.deliver(ctx, ready)
}

// admitFirst admits a first attempt, which reads the pod's verdict itself, and that of its own only if it is told to. One that
// failed may be taken back before it is read: then the attempt waits for the next.
func (a *attempt) admitFirst(ctx context.Context) error {
	for {
		ready, withdrawn, err := a.inputs.waitAndSee(ctx)
		switch {
		case err != nil:
			return err
		case ready.State == handoff.OK && ready.Deliver:
			return a.deliver(ctx, ready)
		case ready.State == handoff.OK || a.endsBefore(ctx, withdrawn):
			return nil
		}
	}
}

// endsBefore tells whether the attempt, or ctx, has ended before the channel was closed.
func (a *attempt) endsBefore(ctx context.Context, closed <-chan struct{}) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	_, err := handoff.Await(ctx, a.step.RunDir, a.step.RunDir.Done(a.container, a.number), func(handoff.Done) bool { return true })
	return err == nil || !isClosed(closed)
}

// refuse fails an attempt whose end the shim has recorded in a way that cannot be read.
func (a *attempt) refuse(ctx context.Context, unreadable error) error {
	failure := &handoff.Failure{Code: handoff.ExitConfig, Message: "the end of the command is not known: " + unreadable.Error()}
	if err := a.record(a.container, a.number, handoff.Pushed{State: handoff.Failed, Failure: failure}); err != nil {
		return err
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// finish pushes what the attempt has made, unless an earlier sidecar has.
func (a *attempt) finish(ctx context.Context, done handoff.Done) error {
	earlier, known := a.pushed(a.container, a.number)
	if known && !earlier.Incomplete {
		return nil
	}
	if stands, known := a.stoodFor(done); known {
		a.log.Info("The outputs of an earlier attempt have been dealt with since its shim was killed.", "ranAs", done.RanAs)
		return a.write(a.container, a.number, stands)
	}
	pushed, err := a.pushLent(ctx, done)
	if ctx.Err() != nil && !pushed.DealtWith() {
		return context.Cause(ctx) // no verdict was reached: the next sidecar or connection goes on
	}
	if err != nil {
		return err
	}
	return a.record(a.container, a.number, pushed)
}

// stoodFor returns a verdict on the outputs of the attempt that this one stands for, which was reached after its shim, or
// that of another that stood for it, was killed; false if they are not dealt with.
func (a *attempt) stoodFor(done handoff.Done) (handoff.Pushed, bool) {
	attempts, err := a.step.RunDir.Attempts(a.container)
	if err != nil {
		a.log.Warn("The attempts of the container cannot be listed.", "error", err)
	}
	for _, earlier := range attempts {
		if earlier < ranAs(a.number, done) || earlier >= a.number {
			continue
		}
		if pushed, known := a.pushed(a.container, earlier); known && pushed.DealtWith() {
			return pushed, true
		}
	}
	return handoff.Pushed{}, false
}

// ranAs is the attempt whose command has ended as an attempt's record says.
func ranAs(attempt int, done handoff.Done) int {
	if done.RanAs > 0 && done.RanAs < attempt {
		return done.RanAs
	}
	return attempt
}

// pushLent pushes what the shim lends.
func (a *attempt) pushLent(ctx context.Context, done handoff.Done) (handoff.Pushed, error) {
	if !done.Ran() {
		return handoff.Pushed{State: handoff.Skipped, Why: "the command never ran"}, nil
	}
	if done.Failure != nil {
		return handoff.Pushed{State: handoff.Failed, Failure: done.Failure}, nil
	}
	ready, err := a.inputs.wait(ctx)
	if err != nil {
		return handoff.Pushed{}, err
	}
	e := ending{
		container: a.container, attempt: a.number, ranAs: ranAs(a.number, done), exitCode: &done.ExitCode, at: done.Ended,
		inputs: ready.Inputs,
		source: func(out handoff.Output) transfer.Source { return output{lentTree{a.lender, out.Path}} },
	}
	report := a.reportPush(e)
	defer report.stop()
	return a.push(ctx, e, report.start(ctx)), nil
}

// reportPush tells of a push in its record and in the log.
func (s *Sidecar) reportPush(e ending) *report {
	path := s.step.RunDir.Pushed(e.container, e.attempt)
	return newReport(s.log.With("container", e.container), "Pushing the outputs.", func(p handoff.Progress) error {
		return handoff.Write(path, handoff.Pushed{State: handoff.Pushing, Progress: p})
	})
}

// pushed returns the final verdict on an attempt's outputs; false if there is none yet.
func (s *Sidecar) pushed(container string, attempt int) (handoff.Pushed, bool) {
	pushed, err := handoff.Read[handoff.Pushed](s.step.RunDir.Pushed(container, attempt))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("The record of an earlier push cannot be read.", "error", err)
	}
	return pushed, err == nil && pushed.State.Final()
}

// record writes the final verdict on an attempt's outputs, after the notices of it: who reads the one finds the others.
func (s *Sidecar) record(container string, attempt int, pushed handoff.Pushed) error {
	s.tellOutputs(container, pushed)
	return s.write(container, attempt, pushed)
}

// write writes the final verdict on an attempt's outputs.
func (s *Sidecar) write(container string, attempt int, pushed handoff.Pushed) error {
	if err := handoff.Write(s.step.RunDir.Pushed(container, attempt), pushed); err != nil {
		return fmt.Errorf("recording the push: %w", err)
	}
	s.log.Info("The outputs are dealt with.", "container", container, "attempt", attempt, "state", pushed.State,
		"outputs", len(pushed.Outputs), "why", pushed.Why)
	return nil
}
