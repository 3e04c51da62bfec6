package inject

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// makeRoom makes room for the sidecar in the requests and limits of the pod as a whole, where it has any. A gate runs beside
// the sidecar, before the pod's own containers do: where it needs more than all of them, there is to be room for that.
func makeRoom(pod *corev1.ResourceRequirements, needs corev1.ResourceRequirements, gated bool) {
	if pod == nil {
		return
	}
	raise := func(list corev1.ResourceList, need func(corev1.ResourceName) (resource.Quantity, bool)) {
		for name, sum := range list {
			more, ok := need(name)
			if !ok {
				continue
			}
			if gated && sum.Cmp(more) < 0 {
				sum = more.DeepCopy()
			}
			sum.Add(more)
			list[name] = sum
		}
	}
	raise(pod.Requests, func(name corev1.ResourceName) (resource.Quantity, bool) { return lookUp(needs.Requests, name) })
	raise(pod.Limits, func(name corev1.ResourceName) (resource.Quantity, bool) { return mayTake(needs, name) })
}

// leaveRoom takes back what makeRoom did for the sidecar.
func leaveRoom(pod *corev1.ResourceRequirements, needs corev1.ResourceRequirements) {
	if pod == nil {
		return
	}
	for name, sum := range pod.Requests {
		if more, ok := lookUp(needs.Requests, name); ok {
			sum.Sub(more)
			pod.Requests[name] = sum
		}
	}
	for name, sum := range pod.Limits {
		if more, ok := mayTake(needs, name); ok {
			sum.Sub(more)
			pod.Limits[name] = sum
		}
	}
}

// mayTake is the limit of a container, or what it asks for where it has none.
func mayTake(needs corev1.ResourceRequirements, name corev1.ResourceName) (resource.Quantity, bool) {
	if limit, ok := lookUp(needs.Limits, name); ok {
		return limit, true
	}
	return lookUp(needs.Requests, name)
}

func lookUp(list corev1.ResourceList, name corev1.ResourceName) (resource.Quantity, bool) {
	quantity, ok := list[name]
	return quantity.DeepCopy(), ok
}

// least are the resources of the injected container that may take least: the sidecar may take more than the others by what it
// writes into memory.
func least(containers []corev1.Container) corev1.ResourceRequirements {
	var found *corev1.ResourceRequirements
	for i := range containers {
		r := &containers[i].Resources
		if isInjected(containers[i]) && (found == nil || r.Limits.Memory().Cmp(*found.Limits.Memory()) < 0) {
			found = r
		}
	}
	if found == nil {
		return corev1.ResourceRequirements{}
	}
	return *found
}
