//go:build e2e

package e2e

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// turn is the time in which one replica collects garbage, as the Lease tells it.
type turn struct {
	identity          string
	acquired, renewed time.Time
	lasts             time.Duration // without being renewed
}

func (t turn) pod() string {
	pod, _, _ := strings.Cut(t.identity, "_")
	return pod
}

// turns are all of them since the Lease is watched.
type turns struct {
	mu   sync.Mutex
	list []turn
}

// turns follows the Lease of a namespace's cache until the test is over.
func (c *cluster) turns(t *testing.T, namespace string) *turns {
	t.Helper()
	changes, err := c.Watch(t.Context(), &coordinationv1.LeaseList{}, client.InNamespace(namespace))
	assert.NilError(t, err)
	seen := &turns{}
	go func() {
		for change := range changes.ResultChan() {
			if lease, ok := change.Object.(*coordinationv1.Lease); ok && ptr.Deref(lease.Spec.HolderIdentity, "") != "" {
				seen.add(lease.Spec)
			}
		}
	}()
	return seen
}

func (s *turns) add(lease coordinationv1.LeaseSpec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.list) - 1; last >= 0 && s.list[last].identity == *lease.HolderIdentity {
		s.list[last].renewed = lease.RenewTime.Time
		return
	}
	s.list = append(s.list, turn{
		identity: *lease.HolderIdentity, acquired: lease.AcquireTime.Time, renewed: lease.RenewTime.Time,
		lasts: time.Duration(*lease.LeaseDurationSeconds) * time.Second,
	})
}

func (s *turns) all() []turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// last is the turn now; it waits for the first.
func (s *turns) last(t *testing.T) turn {
	t.Helper()
	await(t, "a replica collects garbage", func(context.Context) (bool, error) { return len(s.all()) > 0, nil })
	all := s.all()
	return all[len(all)-1]
}

// areOneAfterTheOther checks that there were several, and that each began when the one before it had run out.
func (s *turns) areOneAfterTheOther(t *testing.T) {
	t.Helper()
	all := s.all()
	assert.Assert(t, len(all) > 1)
	for i, next := range all[1:] {
		runsOut := all[i].renewed.Add(all[i].lasts)
		assert.Assert(t, !next.acquired.Before(runsOut), "%s began at %s, but that of %s was until %s", next.identity, next.acquired, all[i].identity, runsOut)
	}
}
