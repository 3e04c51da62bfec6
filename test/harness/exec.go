package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
)

// Exec runs a command in a container, as kubectl exec does, and returns what it printed. One that fails is an error at once.
// Whatever else goes wrong, such as a kubelet that was just started or a stream that broke, is tried again until ctx ends: the
// command may have run by then, so it must bear being run twice.
func (c *Cluster) Exec(ctx context.Context, pod *corev1.Pod, container string, command ...string) (string, error) {
	var output string
	var failed error
	err := Retry(ctx, fmt.Sprintf("%q runs in %s", command, pod.Name), func(ctx context.Context) (bool, error) {
		var err error
		output, err = c.exec(ctx, pod, container, command)
		if code := (exec.CodeExitError{}); errors.As(err, &code) {
			failed = fmt.Errorf("running %q in %s: %w: %s", command, pod.Name, code, output)
			return true, nil
		}
		if apierrors.IsNotFound(err) {
			failed = fmt.Errorf("running %q in %s: %w", command, pod.Name, err)
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
