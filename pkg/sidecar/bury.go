package sidecar

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// stallTimeout bounds a push that nobody waits for, in a pod that must go: nothing was sent for so long.
const stallTimeout = 30 * time.Second

// errStalled is the cause of such a push's end.
var errStalled = errors.New("the pod must end, and nothing could be sent for " + stallTimeout.String())

// buryBefore buries the attempts of a container with lower numbers: their shims are dead, though perhaps no sidecar saw them
// die. It leaves alone an attempt whose shim was still there when its connection was let go, for then this sidecar alone was
// told to end, and all before the last attempt that has its verdict, for those were dealt with when that one came.
func (s *Sidecar) buryBefore(container string, number int) {
	attempts, err := s.step.RunDir.Attempts(container)
	if err != nil {
		s.log.Warn("The attempts of a container cannot be listed.", "container", container, "error", err)
	}
	end, _ := slices.BinarySearch(attempts, number)
	start := end
	for start > 0 {
		if _, known := s.pushed(container, attempts[start-1]); known {
			break
		}
		start--
	}
	for i, attempt := range attempts[start:end] {
		if !s.desk.lives(container, attempt) && !s.isStoodFor(container, attempt, attempts[start+i+1:end]) {
			s.bury(container, attempt)
		}
	}
}

// isStoodFor tells whether one of the later attempts only pushes what this one has made, which is dealt with as that one's.
func (s *Sidecar) isStoodFor(container string, attempt int, later []int) bool {
	return slices.ContainsFunc(later, func(number int) bool {
		done, err := handoff.Read[handoff.Done](s.step.RunDir.Done(container, number))
		return err == nil && ranAs(number, done) <= attempt
	})
}

// bury pushes what a killed shim has left of its attempt, as far as it is wanted after such an end and lies on volumes:
// what it cannot reach is a failed push, so that another attempt does not take it for done. An attempt that has its verdict,
// or whose command never ran, is left alone. It goes on when the next attempt comes, and when the pod is told to end: the
// grace period is for that.
func (s *Sidecar) bury(container string, attempt int) {
	grave := s.graves[container]
	grave.Lock() // the order to end and the next attempt may come at once
	defer grave.Unlock()
	if _, known := s.pushed(container, attempt); known {
		return
	}
	e, ran := s.killed(container, attempt)
	if !ran {
		return
	}
	s.log.Warn("A shim was killed; pushing what its container has left on volumes, if that is wanted.",
		"container", container, "attempt", attempt, "commandEnded", !e.incomplete)
	s.pushUnattended(e)
}

// pushUnattended pushes without a shim that waits for it. Once the pod was told to end it goes on for as long as it gets on.
func (s *Sidecar) pushUnattended(e ending) {
	report := s.reportPush(e)
	counters := report.start(context.Background())
	bounded, cancel := untilStalled(s.ends, counters)
	pushed := s.push(bounded, e, counters)
	cancel()
	report.stop()
	if err := s.record(e.container, e.attempt, pushed); err != nil {
		s.log.Error("A push is not recorded.", "error", err)
	}
}

// killed describes an attempt whose shim was killed; false if its command never ran.
func (s *Sidecar) killed(container string, attempt int) (ending, bool) {
	ready, _ := handoff.Read[handoff.Ready](s.step.RunDir.Ready()) // without it, the lineage lacks the inputs
	e := ending{
		container: container, attempt: attempt, ranAs: attempt, at: time.Now(), inputs: ready.Inputs, incomplete: true,
		source: mounted,
	}
	done, err := handoff.Read[handoff.Done](s.step.RunDir.Done(container, attempt))
	if err == nil {
		e.ranAs, e.at = ranAs(attempt, done), done.Ended
		if done.ThisBoot() { // else nobody knows whether the volumes still hold what it had made
			e.incomplete, e.exitCode = false, &done.ExitCode
		}
		return e, done.Ran() && done.Failure == nil
	}
	return e, s.started(container, attempt)
}

// untilStalled is a context that ends when the counters show that nothing gets on any more, from when ends is closed.
func untilStalled(ends <-chan struct{}, counters *transfer.Counters) (context.Context, context.CancelFunc) {
	bounded, cancel := context.WithCancelCause(context.Background())
	go func() {
		select {
		case <-ends:
		case <-bounded.Done():
			return
		}
		ticker := time.NewTicker(stallTimeout)
		defer ticker.Stop()
		for before := counters.Work.Load(); ; {
			select {
			case <-bounded.Done():
				return
			case <-ticker.C:
			}
			now := counters.Work.Load()
			if now == before {
				cancel(errStalled)
				return
			}
			before = now
		}
	}()
	return bounded, func() { cancel(nil) }
}
