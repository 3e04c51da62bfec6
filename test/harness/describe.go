package harness

import (
	"context"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// Describe writes what is in a namespace, for whoever looks for the cause of a failure: each pod with its containers'
// states and logs, those before a restart too, and the events.
func (c *Cluster) Describe(ctx context.Context, out io.Writer, namespace string) {
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(namespace)); err != nil {
		fmt.Fprintln(out, err)
	}
	for _, pod := range pods.Items {
		c.describePod(ctx, out, pod)
	}
	var events corev1.EventList
	if err := c.List(ctx, &events, client.InNamespace(namespace)); err != nil {
		fmt.Fprintln(out, err)
	}
	for _, event := range events.Items {
		fmt.Fprintf(out, "event %s/%s %s: %s\n", event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Reason, event.Message)
	}
}

func (c *Cluster) describePod(ctx context.Context, out io.Writer, pod corev1.Pod) {
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
