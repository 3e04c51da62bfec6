package webhook

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// CheckStep refuses a pod that carries keys and, after all other webhooks have changed it, is not whole as a step. It would
// compute on missing inputs, or never start. What another webhook changes last, no mutating one can put right.
func CheckStep(raw []byte) error {
	var pod corev1.Pod
	if err := json.Unmarshal(raw, &pod); err != nil {
		return fmt.Errorf("%w: decoding a pod: %w", ErrMalformed, err)
	}
	if !metadata(pod.ObjectMeta).Marked() || isMirror(pod.ObjectMeta) {
		return nil
	}
	p, _, err := plan.Parse(metadata(pod.ObjectMeta))
	if err == nil && inject.Bystander(corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}, p) {
		return nil
	}
	if damage := inject.Damage(pod.Spec); damage != "" {
		return refused(fmt.Errorf("%s; another admission webhook has changed the pod after the operator did: let that one leave it alone, or come before the operator's", damage))
	}
	return nil
}
