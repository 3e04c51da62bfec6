package webhook

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/inject"
)

// FindBounds returns what a namespace asks of the resources of containers: what its quotas count, each once, sorted, and the
// ranges of its LimitRanges in the order of their names.
type FindBounds func(ctx context.Context, namespace string) (inject.Bounds, error)

// bounds reads ResourceQuotas and LimitRanges.
type bounds struct{ cached client.Reader }

// of is a FindBounds. A quota with scopes is taken to count steps too.
func (b bounds) of(ctx context.Context, namespace string) (inject.Bounds, error) {
	var quotas corev1.ResourceQuotaList
	if err := b.cached.List(ctx, &quotas, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return inject.Bounds{}, fmt.Errorf("listing the quotas of namespace %s: %w", namespace, err)
	}
	var limits corev1.LimitRangeList
	if err := b.cached.List(ctx, &limits, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return inject.Bounds{}, fmt.Errorf("listing the limit ranges of namespace %s: %w", namespace, err)
	}
	var found inject.Bounds
	for _, quota := range quotas.Items {
		for name := range quota.Spec.Hard {
			found.Counted = append(found.Counted, name)
		}
	}
	slices.Sort(found.Counted)
	found.Counted = slices.Compact(found.Counted)
	slices.SortFunc(limits.Items, func(a, b corev1.LimitRange) int { return strings.Compare(a.Name, b.Name) })
	for _, each := range limits.Items {
		found.Ranges = append(found.Ranges, each.Spec.Limits...)
	}
	return found, nil
}
