package sidecar

import (
	"context"
	"sync"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// verdict is a Ready record that many wait for and one settles, once.
type verdict struct {
	once    sync.Once
	settled chan struct{}
	record  handoff.Ready
}

func newVerdict() *verdict { return &verdict{settled: make(chan struct{})} }

func (v *verdict) settle(record handoff.Ready) {
	v.once.Do(func() {
		v.record = record
		close(v.settled)
	})
}

// isSettled tells whether wait would return at once.
func (v *verdict) isSettled() bool {
	select {
	case <-v.settled:
		return true
	default:
		return false
	}
}

// wait returns the record once it is settled, or the cause of ctx's end.
func (v *verdict) wait(ctx context.Context) (handoff.Ready, error) {
	select {
	case <-v.settled:
		return v.record, nil
	case <-ctx.Done():
		return handoff.Ready{}, context.Cause(ctx)
	}
}
