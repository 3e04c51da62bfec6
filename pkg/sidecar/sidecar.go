// Package sidecar is the life of a workflow step as seen from beside its command: pull the inputs, say that they are
// ready, wait for the command to end, push the outputs, say so, idle. It knows the hand-off and the transfer, and
// nothing of Kubernetes.
package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// acceptPause keeps a lasting failure to accept connections, such as too many open files, from filling the log.
const acceptPause = 200 * time.Millisecond

// appealPause lies between inputs that failed and the next time they are tried, for any process of the pod can ask for it.
const appealPause = time.Second

// Sidecar serves the step of one pod.
type Sidecar struct {
	step    handoff.Step
	from    transfer.Registry // of inputs
	to      transfer.Registry // of outputs: the same, by another password perhaps
	log     *slog.Logger
	notices *handoff.NoticeFile
	inputs  *verdict               // on the pod's inputs
	graves  map[string]*sync.Mutex // by container: one burial at a time
	desk    *desk
	ends    <-chan struct{} // closed when the pod, or the sidecar alone, is told to end

	reboot    reboot
	onVolumes *snapshot // of the inputs that lie on volumes; nil where an earlier sidecar pulled them
	origins   atomic.Pointer[[]*transfer.Base]
}

// New returns the sidecar of a validated step, which leaves its notices in the given file.
func New(step handoff.Step, log *slog.Logger, notices *handoff.NoticeFile) *Sidecar {
	graves := map[string]*sync.Mutex{}
	for _, container := range step.Containers {
		graves[container] = new(sync.Mutex)
	}
	registry := func(password string) transfer.Registry {
		return transfer.Registry{
			Host: step.Registry, PlainHTTP: step.PlainHTTP, Credential: credential(step, password), TokenFile: step.TokenFile, CAFile: step.CAFile, Log: log,
		}
	}
	s := &Sidecar{
		step:    step,
		from:    registry(loginPull),
		to:      registry(loginPush),
		log:     log,
		notices: notices,
		inputs:  newVerdict(),
		graves:  graves,
	}
	s.desk = newDesk(step.RunDir, step.Containers, s.hearGate)
	return s
}

// Run serves the step until ctx ends, which is the kubelet's SIGTERM: after the last shim has ended, or because the
// pod must go. It returns an error only when the volume of the hand-off cannot be used; failed inputs and outputs are
// reported to the shims, which fail the pod.
func (s *Sidecar) Run(ctx context.Context) error {
	s.ends = ctx.Done()
	listener, err := s.prepare()
	if err != nil {
		return err
	}
	shims := s.serve(ctx, listener)
	if err := s.pullWhenAsked(ctx); err != nil {
		return err // the kubelet starts the next sidecar, and the shims connect to that
	}
	s.log.Info("The pod is ending, stopping.")
	listener.Close() //nolint:errcheck // nothing was written
	<-shims
	s.last()
	return nil
}

// pullWhenAsked reaches the verdict on the inputs, and again whenever one that failed is appealed against, until ctx ends.
func (s *Sidecar) pullWhenAsked(ctx context.Context) error {
	for {
		if err := s.pull(ctx); err != nil {
			return err
		}
		rested := time.After(appealPause)
		select {
		case <-ctx.Done():
			return nil
		case <-s.inputs.appeals:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-rested:
		}
	}
}

// appeal takes back a verdict on the inputs that failed, so that they are tried again: who looks for it from now on waits
// for another.
func (s *Sidecar) appeal() error {
	return s.inputs.appeal(func() error {
		return handoff.Write(s.step.RunDir.Ready(), handoff.Ready{State: handoff.Pulling})
	})
}

// prepare takes up what an earlier sidecar of this pod has left, and listens. Inputs that were in place before a
// restart still are; anything less is started again.
func (s *Sidecar) prepare() (*handoff.Listener, error) {
	earlier, err := handoff.Read[handoff.Ready](s.step.RunDir.Ready())
	switch {
	case err == nil && earlier.ThisBoot() && earlier.State.Final():
		s.log.Info("A sidecar before this one has dealt with the inputs.", "state", earlier.State)
		s.settle(earlier)
	case err == nil && earlier.State == handoff.OK && s.ranBefore():
		if err := s.takeUp(earlier); err != nil {
			return nil, err
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		s.log.Warn("The record of an earlier sidecar cannot be read, starting anew.", "error", err)
		fallthrough
	default:
		if err := os.Remove(s.step.RunDir.Ready()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("removing a stale record: %w", err)
		}
	}
	if err := s.forgetLast(); err != nil {
		return nil, err
	}
	return handoff.Listen(s.step.RunDir)
}

// ranBefore tells whether a command has run before the node was restarted. What it has made may lie among the inputs, so
// those are not simply pulled again.
func (s *Sidecar) ranBefore() bool {
	for _, container := range s.step.Containers {
		last, _ := s.step.RunDir.LastAttempt(container) // unreadable is as good as none
		for attempt := last; attempt > 0; attempt-- {
			started, err := handoff.Read[handoff.Started](s.step.RunDir.Started(container, attempt))
			if err == nil {
				return !started.ThisBoot()
			}
		}
	}
	return false
}

// serve attends to every shim that connects. The channel is closed when no shim is attended to any more, after the
// listener was closed.
func (s *Sidecar) serve(ctx context.Context, listener *handoff.Listener) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.desk.wait()
		for {
			conn, err := listener.Accept()
			if errors.Is(err, os.ErrClosed) {
				return
			}
			if err != nil {
				s.log.Warn("A shim could not be accepted.", "error", err)
				time.Sleep(acceptPause)
				continue
			}
			s.desk.attend(ctx, conn, s.attend, s.log)
		}
	}()
	return done
}
