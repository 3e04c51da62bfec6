package lease_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/converged-computing/oras-operator/pkg/registry/collect"
	"github.com/converged-computing/oras-operator/pkg/registry/collect/lease"
)

var _ collect.Turn = lease.Turn{}

func TestOneAtATimeHasTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		var broken atomic.Pointer[string] // who cannot reach the API server
		client.PrependReactor("update", "leases", func(action clienttesting.Action) (bool, runtime.Object, error) {
			who := broken.Load()
			holder, _ := holderOf(action)
			if who != nil && holder == *who {
				return true, nil, errors.New("unreachable")
			}
			return false, nil, nil
		})
		ctx, stop := context.WithCancel(t.Context())
		var now atomic.Int32
		turns := make(chan string, 10)
		done := make(chan error, 2)
		for _, name := range []string{"a", "b"} {
			turn := lease.Turn{Leases: client.CoordinationV1(), Lease: "ns/collect", Identity: name, Log: slog.New(slog.DiscardHandler)}
			go func() {
				done <- turn.Run(ctx, func(ctx context.Context) {
					assert.Check(t, now.Add(1) == 1, "two at a time")
					turns <- name
					<-ctx.Done()
					time.Sleep(3 * time.Second) // a removal under way
					now.Add(-1)
				})
			}()
		}
		first := <-turns
		broken.Store(&first)
		second := <-turns
		assert.Assert(t, second != first)
		time.Sleep(time.Minute)
		assert.Equal(t, len(turns), 0, "who has the turn keeps it")
		stop()
		assert.ErrorIs(t, <-done, context.Canceled)
		assert.ErrorIs(t, <-done, context.Canceled)
		assert.Equal(t, now.Load(), int32(0), "nobody collects after Run has returned")
	})
}

func TestALeaseWithoutANamespaceIsAnError(t *testing.T) {
	err := lease.Turn{Lease: "collect"}.Run(t.Context(), nil)
	assert.ErrorContains(t, err, "NAMESPACE/NAME")
}

// holderOf is who would hold the lease after an update.
func holderOf(action clienttesting.Action) (string, bool) {
	update, ok := action.(clienttesting.UpdateAction)
	if !ok {
		return "", false
	}
	lease, ok := update.GetObject().(*coordinationv1.Lease)
	if !ok || lease.Spec.HolderIdentity == nil {
		return "", false
	}
	return *lease.Spec.HolderIdentity, true
}
