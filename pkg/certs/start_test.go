package certs

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	"k8s.io/utils/clock"
)

// TestReplicasFollowTheLeader runs a keeper and a source as the manager does, for half an hour with a lifetime of ten minutes.
func TestReplicasFollowTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Clock = clock.RealClock{} // which the bubble makes a fake one
		w.Lifetime = 10 * time.Minute
		keeper, err := NewKeeper(w.Options)
		assert.NilError(t, err)
		source, err := NewSource(w.Options)
		assert.NilError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- keeper.Start(ctx) }()
		go func() { done <- source.Start(ctx) }()

		time.Sleep(2 * firstPoll)
		seen := map[string]bool{}
		for range 3 * 30 {
			assert.NilError(t, source.Ready())
			cert, err := source.GetCertificate(nil)
			assert.NilError(t, err)
			seen[cert.Leaf.SerialNumber.String()] = true
			time.Sleep(20 * time.Second)
		}
		assert.Assert(t, len(seen) >= 7, "%d certificates", len(seen))
		stop()
		assert.NilError(t, <-done)
		assert.NilError(t, <-done)
	})
}
