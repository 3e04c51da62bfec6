package harness

import (
	"context"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// Describe says what is in a namespace, for whoever looks for the cause of a failure: each pod with its containers' states
// and logs, those before a restart too, and the events. What cannot be had is an error in the text.
func (c *Cluster) Describe(ctx context.Context, namespace string) string {
	var text strings.Builder
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(namespace)); err != nil {
		text.WriteString(err.Error() + "\n")
	}
	for _, pod := range pods.Items {
		c.describePod(ctx, &text, pod)
	}
	var events corev1.EventList
	if err := c.List(ctx, &events, client.InNamespace(namespace)); err != nil {
		text.WriteString(err.Error() + "\n")
	}
	for _, event := range events.Items {
		fmt.Fprintf(&text, "event %s/%s %s: %s\n", event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Reason, event.Message)
	}
	return text.String()
}

func (c *Cluster) describePod(ctx context.Context, out *strings.Builder, pod corev1.Pod) {
	status, err := yaml.Marshal(pod.Status)
	fmt.Fprintf(out, "pod %s: %s%v\n", pod.Name, status, err)
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, container := range containers {
			status := Status(&pod, container.Name)
			for _, previous := range []bool{true, false} {
				if previous && (status == nil || status.RestartCount == 0) {
					continue
				}
				text, err := c.Log(ctx, pod.Namespace, pod.Name, corev1.PodLogOptions{Container: container.Name, Previous: previous})
				fmt.Fprintf(out, "log of %s/%s, previous %t: %v\n%s\n", pod.Name, container.Name, previous, err, text)
			}
		}
	}
}

// Log returns what a container has written.
func (c *Cluster) Log(ctx context.Context, namespace, pod string, opts corev1.PodLogOptions) (string, error) {
	stream, err := c.Kube.CoreV1().Pods(namespace).GetLogs(pod, &opts).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer stream.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(stream)
	return string(text), err
}
