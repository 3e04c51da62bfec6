package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// maxAge is how old the news may be that an Event is made of. The API server forgets Events, after an hour by default:
// one that it has forgotten must not come again with the next start of the operator.
const maxAge = 30 * time.Minute

// Reconciler puts its Events on each pod.
type Reconciler struct {
	client client.Client
	clock  clock.PassiveClock
}

// Reconcile creates the Events that one pod lacks.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	pod := &corev1.Pod{}
	if err := r.client.Get(ctx, req.NamespacedName, pod); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	var errs []error
	for _, event := range eventsOf(pod) {
		if r.clock.Since(event.LastTimestamp.Time) > maxAge {
			continue
		}
		errs = append(errs, r.create(ctx, event))
	}
	return ctrl.Result{}, errors.Join(errs...)
}

// create makes the Event, unless it is there. In a namespace that is being deleted nothing can be made any more, nor
// would anybody look.
func (r *Reconciler) create(ctx context.Context, event *corev1.Event) error {
	err := r.client.Create(ctx, event)
	switch {
	case err == nil, apierrors.IsAlreadyExists(err), apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return nil
	default:
		return fmt.Errorf("creating Event %s of pod %s: %w", event.Reason, event.InvolvedObject.Name, err)
	}
}
