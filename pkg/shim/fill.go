package shim

import (
	"strconv"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

// fill replaces the placeholders of a setting. What is known of the pod comes with the verdict on the inputs.
func (l *life) fill(text string) (string, *ending) {
	filled, err := placeholder.Finish(text, placeholders(l.pod, l.opts.Container, l.attempt))
	if err != nil {
		return "", endf(handoff.ExitConfig, "A setting of the shim cannot be used: %v.", err)
	}
	return filled, nil
}

func placeholders(pod handoff.PodIdentity, container string, attempt int) placeholder.Values {
	values := pod.Placeholders()
	if container != "" {
		values[placeholder.Container] = container
	}
	if attempt > 0 {
		values[placeholder.Attempt] = strconv.Itoa(attempt)
	}
	return values
}
