package webhook

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// FindCache returns the registry of an OrasCache, with warnings for the author of the pod. There being none, or none that
// can be used, is an ErrRefused.
type FindCache func(ctx context.Context, namespace, name string) (plan.Endpoint, []string, error)

// finder looks OrasCaches up in the manager's cache and, before it says that there is none, in the API server: a cache
// lags, and a workflow's manifests are often applied all at once.
type finder struct {
	cached client.Reader
	live   client.Reader
}

// find is a FindCache.
func (f finder) find(ctx context.Context, namespace, name string) (plan.Endpoint, []string, error) {
	var cache v1alpha1.OrasCache
	key := client.ObjectKey{Namespace: namespace, Name: name}
	err := f.cached.Get(ctx, key, &cache)
	if apierrors.IsNotFound(err) {
		err = f.live.Get(ctx, key, &cache)
	}
	switch {
	case apierrors.IsNotFound(err):
		return plan.Endpoint{}, nil, refused(&plan.Problem{
			Key: v1alpha1.KeyCache, Text: fmt.Sprintf("there is no OrasCache %q in namespace %q; create it, or name one that exists", name, namespace),
		})
	case err != nil:
		return plan.Endpoint{}, nil, fmt.Errorf("looking up OrasCache %s/%s: %w", namespace, name, err)
	}
	return endpointOf(cache)
}

// endpointOf tells where an OrasCache serves, or will: the status may be about an earlier spec.
func endpointOf(cache v1alpha1.OrasCache) (plan.Endpoint, []string, error) {
	if !cache.IsDeployed() { // whatever the status still says
		return plan.Endpoint{}, nil, refused(&plan.Problem{
			Key:  v1alpha1.KeyCache,
			Text: fmt.Sprintf("OrasCache %q runs no registry (spec.deploy is false); set it to true, or name a registry with the key %s", cache.Name, v1alpha1.KeyRegistry),
		})
	}
	var warnings []string
	if ready := meta.FindStatusCondition(cache.Status.Conditions, v1alpha1.ConditionReady); ready == nil {
		warnings = append(warnings, fmt.Sprintf("OrasCache %q is not ready yet, and the step waits for it", cache.Name))
	} else if ready.Status != metav1.ConditionTrue {
		warnings = append(warnings, fmt.Sprintf("OrasCache %q is not ready, and the step waits for it%s: %s", cache.Name, unless(ready.Reason), ready.Message))
	}
	return plan.OfCache(&cache), warnings, nil
}

// unless qualifies that a step waits for an OrasCache that is not ready for a reason. All but two leave a registry that runs as it was.
func unless(reason string) string {
	if reason == v1alpha1.ReasonStarting || reason == v1alpha1.ReasonStoragePending {
		return ""
	}
	return " unless the registry serves all the same"
}
