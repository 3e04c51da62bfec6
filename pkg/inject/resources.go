package inject

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

const (
	sidecarCPU    = "100m"
	sidecarMemory = "128Mi"

	// What a quota wants to be said of each container and would otherwise be left open. What the sidecar writes into volumes
	// counts as the pod's and not as its own.
	countedCPULimit = "1"
	countedStorage  = "64Mi"
)

// allot settles what each injected container asks for, the sidecar more than the others: within the bounds of the namespace,
// unless a key asks for what is beyond them.
func (d *decision) allot(spec corev1.PodSpec, ps *problems) {
	d.guaranteed = guaranteed(d.opts.Bounds.complete(spec))
	needs := chooseResources(d.guaranteed, d.plan, d.opts.Bounds.Counted)
	d.needs = d.opts.Bounds.fit(needs)
	d.sidecarNeeds = d.opts.Bounds.fit(withMemory(needs, d.inputs.inMemory(spec.Volumes), spec.Resources, d.guaranteed))
	ps.unfit(v1alpha1.KeySidecarCPU, corev1.ResourceCPU, d.plan.SidecarCPU, d.needs)
	ps.unfit(v1alpha1.KeySidecarMemory, corev1.ResourceMemory, d.plan.SidecarMem, d.needs)
}

// chooseResources is what each injected container asks for. There is no limit on processor time unless the plan has one,
// a quota counts it, or the pod would lose its quality of service "Guaranteed": then everything is requested up to its limit.
func chooseResources(guaranteed bool, p plan.Plan, counted []corev1.ResourceName) corev1.ResourceRequirements {
	cpu, cpuLimit := amount(p.SidecarCPU, sidecarCPU)
	memory, memoryLimit := amount(p.SidecarMem, sidecarMemory)
	needs := corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: memoryLimit},
	}
	if p.SidecarCPU.Limit != nil {
		needs.Limits[corev1.ResourceCPU] = cpuLimit
	}
	if guaranteed {
		needs.Limits[corev1.ResourceCPU] = cpuLimit
		needs.Requests = maps.Clone(needs.Limits)
	}
	state(&needs, counted)
	return needs
}

// state says what quotas count and is not said yet: they refuse a pod with a container that leaves it open.
func state(needs *corev1.ResourceRequirements, counted []corev1.ResourceName) {
	for _, name := range counted {
		switch name {
		case corev1.ResourceLimitsCPU:
			setDefault(needs.Limits, corev1.ResourceCPU, countedCPULimit)
		case corev1.ResourceLimitsEphemeralStorage:
			setDefault(needs.Limits, corev1.ResourceEphemeralStorage, countedStorage)
		case corev1.ResourceRequestsEphemeralStorage, corev1.ResourceEphemeralStorage:
			setDefault(needs.Requests, corev1.ResourceEphemeralStorage, countedStorage)
		}
	}
}

func setDefault(list corev1.ResourceList, name corev1.ResourceName, quantity string) {
	if _, said := list[name]; !said {
		list[name] = resource.MustParse(quantity)
	}
}

// amount is a request and its limit, which is as high unless the plan says otherwise.
func amount(a plan.Amount, normal string) (request, limit resource.Quantity) {
	request = resource.MustParse(normal)
	if a.Request != nil {
		request = a.Request.DeepCopy()
	}
	limit = request
	if a.Limit != nil {
		limit = a.Limit.DeepCopy()
	}
	return request, limit
}

// withMemory adds to what the sidecar may have what it writes into volumes in memory: that counts as its own. The limit of
// the whole pod, which leaves room for the sidecar alone, stays the upper bound.
func withMemory(needs corev1.ResourceRequirements, more resource.Quantity, pod *corev1.ResourceRequirements, guaranteed bool) corev1.ResourceRequirements {
	needs = *needs.DeepCopy()
	memory := needs.Limits[corev1.ResourceMemory].DeepCopy()
	memory.Add(more)
	if pod != nil {
		if most, limited := pod.Limits[corev1.ResourceMemory]; limited {
			most = most.DeepCopy()
			most.Add(needs.Limits[corev1.ResourceMemory])
			if memory.Cmp(most) > 0 {
				memory = most
			}
		}
	}
	needs.Limits[corev1.ResourceMemory] = memory
	if guaranteed {
		needs.Requests[corev1.ResourceMemory] = memory
	}
	return needs
}

// guaranteed tells whether every container has limits on processor time and memory and requests just those. A request
// that is absent is as high as the limit.
func guaranteed(spec corev1.PodSpec) bool {
	if spec.Resources != nil {
		return false // the pod's own requests and limits decide, not those of its containers
	}
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for _, c := range list {
			if !exact(c.Resources, corev1.ResourceCPU) || !exact(c.Resources, corev1.ResourceMemory) {
				return false
			}
		}
	}
	return true
}

func exact(r corev1.ResourceRequirements, name corev1.ResourceName) bool {
	limit, limited := r.Limits[name]
	request, requested := r.Requests[name]
	return limited && !limit.IsZero() && (!requested || request.Cmp(limit) == 0)
}
