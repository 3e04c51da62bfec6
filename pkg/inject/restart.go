package inject

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
)

// restartPolicy is that of a regular container. It may have a policy of its own; a pod without any restarts always. One
// with rules is restarted after some failures.
func restartPolicy(c corev1.Container, pod corev1.RestartPolicy) corev1.RestartPolicy {
	if len(c.RestartPolicyRules) > 0 {
		return corev1.RestartPolicyOnFailure
	}
	if c.RestartPolicy != nil {
		return corev1.RestartPolicy(*c.RestartPolicy)
	}
	return cmp.Or(pod, corev1.RestartPolicyAlways)
}
