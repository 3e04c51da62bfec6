package sidecar

import (
	"context"
	"fmt"
	"sync"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// verdict is the one on the pod's inputs, which many wait for. A failure can be appealed against: then it is reached anew.
type verdict struct {
	appeals chan struct{} // one is enough: what is reached anew is for everyone

	mu        sync.Mutex
	reached   chan struct{} // closed when it is
	withdrawn chan struct{} // closed when that is taken back
	record    handoff.Ready
}

func newVerdict() *verdict {
	return &verdict{appeals: make(chan struct{}, 1), reached: make(chan struct{}), withdrawn: make(chan struct{})}
}

func (v *verdict) settle(record handoff.Ready) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.record = record
	close(v.reached)
}

// settled tells whether wait would return at once.
func (v *verdict) settled() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return isClosed(v.reached)
}

// wait returns the record once it is settled, or the cause of ctx's end.
func (v *verdict) wait(ctx context.Context) (handoff.Ready, error) {
	record, _, err := v.waitAndSee(ctx)
	return record, err
}

// waitAndSee is wait, but returns a channel too, which is closed when the record is taken back.
func (v *verdict) waitAndSee(ctx context.Context) (handoff.Ready, <-chan struct{}, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for !isClosed(v.reached) {
		reached := v.reached
		v.mu.Unlock()
		select {
		case <-reached:
		case <-ctx.Done():
		}
		v.mu.Lock()
		if ctx.Err() != nil {
			return handoff.Ready{}, nil, context.Cause(ctx)
		}
	}
	return v.record, v.withdrawn, nil
}

// appeal asks for another verdict if there is one that failed, once withdraw has taken that back.
func (v *verdict) appeal(withdraw func() error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !isClosed(v.reached) || v.record.State != handoff.Failed {
		return nil
	}
	if err := withdraw(); err != nil {
		return fmt.Errorf("taking back the verdict on the inputs: %w", err)
	}
	close(v.withdrawn)
	v.reached, v.withdrawn = make(chan struct{}), make(chan struct{})
	select {
	case v.appeals <- struct{}{}:
	default: // one that nobody has heard yet does for both
	}
	return nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
