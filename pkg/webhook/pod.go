package webhook

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// Pod returns the pod as it is to be created in the namespace, and warnings for its author. A pod without keys, or one
// that is injected already, comes back as it is.
func (m Mutator) Pod(ctx context.Context, raw []byte, namespace string) ([]byte, []string, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(raw, &pod); err != nil {
		return nil, nil, fmt.Errorf("%w: decoding a pod: %w", ErrMalformed, err)
	}
	out, warnings, err := m.step(ctx, corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}, namespace, false)
	if err != nil {
		return nil, warnings, err
	}
	mutated := pod
	mutated.ObjectMeta, mutated.Spec = out.ObjectMeta, out.Spec
	object, err := apply(raw, pod, mutated)
	return object, warnings, err
}
