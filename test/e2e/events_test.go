//go:build e2e

package e2e

import (
	"context"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestAStepWhoseInputIsMissingHasAnEventThatSaysSo(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)

	c.apply(t, ns, job{
		name:        "analyze",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"input-uri": "simulate:latest", "input-path": "/data"},
		args:        []string{"identity"},
	})

	end := c.failed(t, ns, "analyze")
	event := c.event(t, ns, "analyze", "InputPullFailed")
	assert.Equal(t, event.Type, corev1.EventTypeWarning)
	assert.Equal(t, event.Message, "container app: "+end.Message)
	assert.Assert(t, is.Contains(event.Message, "input simulate:latest is not in registry oras."+ns+".svc:5000"))
}

func TestAStepThatWentWellHasEventsThatSaySo(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	c.push(t, ns, "raw:v1", map[string]string{"number.txt": "42"})

	c.apply(t, ns, job{
		name:        "simulate",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"input-uri": "raw:v1", "input-path": "/data", "output-uri": "simulate:v1", "output-path": "/data"},
		args:        []string{"cat", "/data/number.txt"},
	})

	c.complete(t, ns, "simulate")
	assert.Equal(t, c.event(t, ns, "simulate", "InputsPulled").Type, corev1.EventTypeNormal)
	pushed := c.event(t, ns, "simulate", "OutputPushed")
	assert.Equal(t, pushed.Type, corev1.EventTypeNormal)
	assert.Assert(t, is.Contains(pushed.Message, "simulate:v1"))
}

// event waits until the Job's pod has an Event with that reason, and fails the test if it has two. It looks as kubectl
// describe does.
func (c *cluster) event(t *testing.T, namespace, job, reason string) corev1.Event {
	t.Helper()
	pod := c.pod(t, namespace, job)
	var found []corev1.Event
	await(t, "the pod of Job "+job+" has an Event "+reason, func(ctx context.Context) (bool, error) {
		events, err := c.Kube.CoreV1().Events(namespace).SearchWithContext(ctx, c.Scheme(), pod)
		if err != nil {
			return false, err
		}
		found = nil
		for _, event := range events.Items {
			if event.Reason == reason && event.Source.Component == "oras-operator" {
				found = append(found, event)
			}
		}
		return len(found) > 0, nil
	})
	assert.Assert(t, is.Len(found, 1))
	return found[0]
}
