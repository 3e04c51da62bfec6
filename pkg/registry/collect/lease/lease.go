// Package lease gives the turn to collect garbage to the holder of a Kubernetes Lease.
package lease

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const (
	// duration is how long the Lease is held without being renewed.
	duration = 15 * time.Second
	// deadline is how long a holder tries to renew it before its turn ends. What is left of duration then is for a removal under way to end;
	// who has the Lease next waits for the collector's settling time, besides, before it removes anything.
	deadline = 10 * time.Second
	retry    = 2 * time.Second
)

// Turn is the turn of who holds a Lease. It implements collect.Turn.
type Turn struct {
	// Leases is the client. Required.
	Leases coordinationv1.LeasesGetter
	// Lease is the NAMESPACE/NAME of the Lease, which is made if it is not there. Required.
	Lease string
	// Identity is what the Lease calls this process; no two have the same. Required; the pod's name will do.
	Identity string
	// Log gets a line when the turn begins and ends. Required.
	Log *slog.Logger
}

// Run calls collect while this process holds the Lease, until ctx ends, whose error it returns. It does not give the Lease up, but lets it
// run out: another process may have it only some time after collect has been told to return.
func (t Turn) Run(ctx context.Context, collect func(context.Context)) error {
	namespace, name, ok := strings.Cut(t.Lease, "/")
	if !ok || namespace == "" || name == "" {
		return fmt.Errorf("the lease %q is not of the form NAMESPACE/NAME", t.Lease)
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name},
		Client:     t.Leases,
		LockConfig: resourcelock.ResourceLockConfig{Identity: t.Identity},
	}
	for ctx.Err() == nil {
		if err := t.once(ctx, lock, collect); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// once waits for the Lease, and returns after it was lost and collect has returned, or ctx ended.
func (t Turn) once(ctx context.Context, lock resourcelock.Interface, collect func(context.Context)) error {
	collected := make(chan struct{})
	var decided atomic.Bool // collect has begun, or will not
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:          lock,
		LeaseDuration: duration,
		RenewDeadline: deadline,
		RetryPeriod:   retry,
		Name:          t.Lease,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				if !decided.CompareAndSwap(false, true) {
					return
				}
				defer close(collected)
				t.Log.InfoContext(ctx, "It is this process's turn to collect garbage.", "lease", t.Lease)
				collect(ctx)
			},
			OnStoppedLeading: func() {
				t.Log.InfoContext(ctx, "It is not this process's turn to collect garbage any more.", "lease", t.Lease)
			},
		},
	})
	if err != nil {
		return fmt.Errorf("asking for the lease %s: %w", t.Lease, err)
	}
	elector.Run(ctx)
	if !decided.CompareAndSwap(false, true) {
		<-collected
	}
	return nil
}
