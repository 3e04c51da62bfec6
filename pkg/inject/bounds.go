package inject

import (
	"maps"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/converged-computing/oras-operator/pkg/plan"
)

// Bounds are what a namespace asks of the resources of each container.
type Bounds struct {
	Counted []corev1.ResourceName   // what quotas count, by the names that a ResourceQuota has for it
	Ranges  []corev1.LimitRangeItem // of LimitRanges, as the API server returns them: with defaults filled in
}

// complete fills in what the containers of a template leave open, as the API server and the limit ranges will when a pod is made
// of it; that of a pod is complete already.
func (b Bounds) complete(spec corev1.PodSpec) corev1.PodSpec {
	spec = *spec.DeepCopy()
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			r := &containers[i].Resources
			r.Requests = withMissing(r.Requests, r.Limits)
			for _, item := range b.Ranges {
				if item.Type == corev1.LimitTypeContainer {
					r.Limits = withMissing(r.Limits, item.Default)
					r.Requests = withMissing(r.Requests, item.DefaultRequest)
				}
			}
		}
	}
	return spec
}

func withMissing(list, others corev1.ResourceList) corev1.ResourceList {
	all := maps.Clone(others)
	if all == nil {
		return list
	}
	maps.Copy(all, list)
	return all
}

// fit brings what an injected container asks for into the limit ranges of containers, which would refuse it otherwise, or give
// it a limit below its request. Requests that are as high as their limits stay so. Where ranges contradict each other, nothing
// fits, and the last one is heeded.
func (b Bounds) fit(needs corev1.ResourceRequirements) corev1.ResourceRequirements {
	needs = *needs.DeepCopy()
	for _, item := range b.Ranges {
		if item.Type == corev1.LimitTypeContainer {
			fitInto(item, &needs)
		}
	}
	return needs
}

// fitInto looks at what the container says; what it leaves open, the limit range fills in.
func fitInto(item corev1.LimitRangeItem, needs *corev1.ResourceRequirements) {
	said := maps.Clone(needs.Requests)
	maps.Copy(said, needs.Limits)
	for name := range said {
		request, requested := needs.Requests[name]
		limit, limited := needs.Limits[name]
		normal, hasNormal := item.Default[name]
		ratio, hasRatio := item.MaxLimitRequestRatio[name]
		if !limited && requested && (hasNormal || hasRatio) {
			limit, limited = higher(request, normal), true
		}
		if least, ok := item.Min[name]; ok {
			request, limit = higher(request, least), higher(limit, least)
		}
		if most, ok := item.Max[name]; ok {
			request, limit = lower(request, most), lower(limit, most)
		}
		if limited && requested && hasRatio {
			request = higher(request, divide(limit, ratio))
		}
		if requested {
			needs.Requests[name] = request
		}
		if limited {
			needs.Limits[name] = limit
		}
	}
}

// unfit finds resources that a key names and limit ranges do not allow.
func (ps *problems) unfit(key string, name corev1.ResourceName, said plan.Amount, fitted corev1.ResourceRequirements) {
	if request := fitted.Requests[name]; said.Request != nil && request.Cmp(*said.Request) < 0 {
		ps.of(key, "a LimitRange of the namespace allows a container to request %s at most, and not %s; write no more", request.String(), said.Request.String())
	}
	if limit := fitted.Limits[name]; said.Limit != nil && limit.Cmp(*said.Limit) < 0 {
		ps.of(key, "a LimitRange of the namespace allows a container a limit of %s at most, and not %s; write no more", limit.String(), said.Limit.String())
	}
}

func higher(a, b resource.Quantity) resource.Quantity {
	return slices.MaxFunc([]resource.Quantity{a, b}, func(x, y resource.Quantity) int { return x.Cmp(y) }).DeepCopy()
}

func lower(a, b resource.Quantity) resource.Quantity {
	return slices.MinFunc([]resource.Quantity{a, b}, func(x, y resource.Quantity) int { return x.Cmp(y) }).DeepCopy()
}

// divide rounds up: to thousandths of what is counted in such, or else to whole ones.
func divide(a, b resource.Quantity) resource.Quantity {
	quotient := a.AsApproximateFloat64() / b.AsApproximateFloat64()
	if a.Format == resource.BinarySI {
		return *resource.NewQuantity(int64(math.Ceil(quotient)), a.Format)
	}
	return *resource.NewMilliQuantity(int64(math.Ceil(1000*quotient)), a.Format)
}
