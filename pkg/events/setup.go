package events

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Register adds to mgr, whose cache must be limited as [Watched] says, what puts Events on pods. Only the leader does it.
func Register(mgr ctrl.Manager) error {
	err := builder.ControllerManagedBy(mgr).
		Named("pod-events").
		For(&corev1.Pod{}, builder.WithPredicates(news())).
		Complete(&Reconciler{client: mgr.GetClient(), clock: clock.RealClock{}})
	if err != nil {
		return fmt.Errorf("adding the controller of Events: %w", err)
	}
	return nil
}

// Watched limits what a manager caches of pods to those that are steps, and of each to what Events are made of.
func Watched() map[client.Object]cache.ByObject {
	return map[client.Object]cache.ByObject{
		&corev1.Pod{}: {
			Label:     labels.SelectorFromSet(labels.Set{v1alpha1.InjectedLabel: "true"}),
			Transform: slim,
		},
	}
}

// news lets through what changes the Events that a pod should have. Most changes of a pod do not.
func news() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return len(eventNames(e.Object)) > 0 },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !slices.Equal(eventNames(e.ObjectOld), eventNames(e.ObjectNew))
		},
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

func eventNames(obj client.Object) []string {
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return nil
	}
	var names []string
	for _, event := range eventsOf(pod) {
		names = append(names, event.Name)
	}
	return names
}
