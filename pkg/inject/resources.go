package inject

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

const (
	sidecarCPU    = "100m"
	sidecarMemory = "128Mi"
)

// chooseResources is what each injected container asks for. There is no limit on processor time, unless the pod would
// lose its quality of service "Guaranteed".
func chooseResources(spec corev1.PodSpec) corev1.ResourceRequirements {
	cpu, memory := resource.MustParse(sidecarCPU), resource.MustParse(sidecarMemory)
	needs := corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: memory},
	}
	if guaranteed(spec) {
		needs.Limits[corev1.ResourceCPU] = cpu
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

// raiseResources makes room for the sidecar in the requests and limits of the pod as a whole, where it has any.
func raiseResources(pod *corev1.ResourceRequirements, needs corev1.ResourceList) {
	change(pod, needs, (*resource.Quantity).Add)
}

// lowerResources takes back what raiseResources did.
func lowerResources(pod *corev1.ResourceRequirements, needs corev1.ResourceList) {
	change(pod, needs, (*resource.Quantity).Sub)
}

func change(pod *corev1.ResourceRequirements, needs corev1.ResourceList, by func(*resource.Quantity, resource.Quantity)) {
	if pod == nil {
		return
	}
	for _, list := range []corev1.ResourceList{pod.Requests, pod.Limits} {
		for name := range maps.Clone(list) {
			if need, ok := needs[name]; ok {
				sum := list[name].DeepCopy()
				by(&sum, need)
				list[name] = sum
			}
		}
	}
}
