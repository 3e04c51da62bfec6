package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
)

// Exec runs a command in a container, as kubectl exec does, and returns what it printed. A command that cannot be started,
// because the kubelet was just started itself or the API server does not answer, is tried again until ctx ends; one that
// fails is an error at once.
func (c *Cluster) Exec(ctx context.Context, pod *corev1.Pod, container string, command ...string) (string, error) {
	var output string
	var failed error
	err := Persist(ctx, fmt.Sprintf("%q runs in %s", command, pod.Name), func(ctx context.Context) (bool, error) {
		var err error
		output, err = c.exec(ctx, pod, container, command)
		if code := (exec.CodeExitError{}); errors.As(err, &code) {
			failed = fmt.Errorf("running %q in %s: %w: %s", command, pod.Name, code, output)
			return true, nil
		}
		return err == nil, err
	})
	return output, errors.Join(err, failed)
}

func (c *Cluster) exec(ctx context.Context, pod *corev1.Pod, container string, command []string) (string, error) {
	var stdout, stderr bytes.Buffer
	options := &corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}
	request := c.Kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("exec").
		VersionedParams(options, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(c.Config, http.MethodPost, request.URL())
	if err != nil {
		return "", err
	}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	return stdout.String() + stderr.String(), err
}

// OnNode runs a command of the app's image among the processes of a node and returns what it printed. The files of the node
// are below /proc/1/root.
func (c *Cluster) OnNode(ctx context.Context, node string, command ...string) (string, error) {
	agent, err := c.agent(ctx, node)
	if err != nil {
		return "", err
	}
	return c.Exec(ctx, agent, "agent", command...)
}
