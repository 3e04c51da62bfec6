//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Processes of a container, for kill.
const (
	mainProcess    = "main"    // its first: the shim, the sidecar, the registry
	commandProcess = "command" // the wrapped command
	runtimeProcess = "runtime" // the containerd shim of its pod
)

// kill sends SIGKILL to a process of a running container of a pod, from its node.
func (c *cluster) kill(t *testing.T, pod *corev1.Pod, container, process string) {
	t.Helper()
	id := c.containerID(t, pod, container)
	c.onNode(t, pod.Spec.NodeName, "/app", "signal-container", id, process, strconv.Itoa(int(syscall.SIGKILL)))
}

// killDaemon sends SIGKILL to a daemon of a node, which its service manager starts again.
func (c *cluster) killDaemon(t *testing.T, node, name string) {
	t.Helper()
	c.onNode(t, node, "/app", "signal-named", name, strconv.Itoa(int(syscall.SIGKILL)))
}

// containerID waits until the container runs and returns its ID.
func (c *cluster) containerID(t *testing.T, pod *corev1.Pod, container string) string {
	t.Helper()
	var id string
	await(t, "container "+container+" of pod "+pod.Name+" runs", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
			for _, s := range list {
				if s.Name == container && s.State.Running != nil {
					_, id, _ = strings.Cut(s.ContainerID, "://")
				}
			}
		}
		return id != "", err
	})
	return id
}

// agents are made one at a time: tests that run at once share those of a node.
var agents sync.Mutex

// onNode runs a command among the processes of a node.
func (c *cluster) onNode(t *testing.T, node string, command ...string) {
	t.Helper()
	c.exec(t, c.agent(t, node), "agent", command...)
}

// exec runs a command in a container, as kubectl exec does. A kubelet that was just started may not know the pod yet.
func (c *cluster) exec(t *testing.T, pod *corev1.Pod, container string, command ...string) {
	t.Helper()
	await(t, fmt.Sprintf("%q runs in %s", command, pod.Name), func(ctx context.Context) (bool, error) {
		output, err := c.tryExec(ctx, pod, container, command)
		if err != nil && strings.Contains(err.Error(), "unable to upgrade connection") {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("%w: %s", err, output)
		}
		return true, nil
	})
}

func (c *cluster) tryExec(ctx context.Context, pod *corev1.Pod, container string, command []string) (string, error) {
	var stdout, stderr bytes.Buffer
	options := &corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}
	request := c.kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("exec").
		VersionedParams(options, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(c.config, http.MethodPost, request.URL())
	if err != nil {
		return "", err
	}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	return stdout.String() + stderr.String(), err
}

// agent is a pod that sees the processes of a node; it stays until the suite ends.
func (c *cluster) agent(t *testing.T, node string) *corev1.Pod {
	t.Helper()
	agents.Lock()
	defer agents.Unlock()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: agentNamespace, Name: "agent-" + node},
		Spec: corev1.PodSpec{
			NodeName:                      node,
			HostPID:                       true,
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			Containers: []corev1.Container{{
				Name: "agent", Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
				Command:         []string{"/app", "await-file", "/never"},
				SecurityContext: &corev1.SecurityContext{Privileged: new(true), RunAsUser: ptr.To[int64](0)},
			}},
		},
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: agentNamespace}}
	assert.NilError(t, client.IgnoreAlreadyExists(c.Create(t.Context(), namespace)))
	assert.NilError(t, client.IgnoreAlreadyExists(c.Create(t.Context(), pod)))
	await(t, "the agent on "+node+" runs", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return pod.Status.Phase == corev1.PodRunning, err
	})
	return pod
}

// agentNamespace is removed when the suite ends.
const agentNamespace = "e2e-agents"
