package harness

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Process is one of those that make up a running container.
type Process string

// Processes of a container, by the names that the app's verb signal-container has for them.
const (
	Main           Process = "main"            // its first: the shim, the sidecar, the registry
	Command        Process = "command"         // the wrapped command
	ContainerdShim Process = "containerd-shim" // that of its pod
)

// Daemon is one of the programs that make a node of a cluster.
type Daemon string

// Daemons of a node; something starts each again. APIServer is on nodes of the control plane alone.
const (
	Kubelet    Daemon = "kubelet"
	Containerd Daemon = "containerd"
	APIServer  Daemon = "kube-apiserver"
)

// Kill sends SIGKILL to a process of a container, once that runs.
func (c *Cluster) Kill(ctx context.Context, pod *corev1.Pod, container string, process Process) error {
	return c.Signal(ctx, pod, container, process, syscall.SIGKILL)
}

// Signal sends a signal to a process of a container, once that runs, from its node.
func (c *Cluster) Signal(ctx context.Context, pod *corev1.Pod, container string, process Process, sig syscall.Signal) error {
	id, err := c.ContainerID(ctx, pod, container)
	if err != nil {
		return err
	}
	_, err = c.OnNode(ctx, pod.Spec.NodeName, "/app", "signal-container", id, string(process), strconv.Itoa(int(sig)))
	return err
}

// KillDaemon sends SIGKILL to a daemon of a node, and returns when another one of that name runs in its place.
func (c *Cluster) KillDaemon(ctx context.Context, node string, daemon Daemon) error {
	before, err := c.OnNode(ctx, node, "/app", "pid", string(daemon))
	if err != nil {
		return err
	}
	// The order itself comes through the daemon, so it is carried out only once the answer to it is on its way.
	kill := []string{"/app", "soon", "signal-named", string(daemon), strconv.Itoa(int(syscall.SIGKILL))}
	if _, err := c.OnNode(ctx, node, kill...); err != nil {
		return err
	}
	return Retry(ctx, fmt.Sprintf("%s of %s is back", daemon, node), func(ctx context.Context) (bool, error) {
		now, err := c.OnNode(ctx, node, "/app", "pid", string(daemon))
		return now != before, err
	})
}

// StopDaemon has a daemon of a node, one that systemd started, do nothing until ContinueDaemon. Both go by way of Docker: nothing
// reaches a node through a daemon that is stopped.
func (c *Cluster) StopDaemon(ctx context.Context, node string, daemon Daemon) error {
	return docker(ctx, "exec", node, "systemctl", "kill", "--kill-whom=main", "--signal=SIGSTOP", string(daemon))
}

// ContinueDaemon has it go on; one that was not stopped does so anyway.
func (c *Cluster) ContinueDaemon(ctx context.Context, node string, daemon Daemon) error {
	return docker(ctx, "exec", node, "systemctl", "kill", "--kill-whom=main", "--signal=SIGCONT", string(daemon))
}

// ControlPlane returns the name of a node of the control plane.
func (c *Cluster) ControlPlane(ctx context.Context) (string, error) {
	nodes, err := c.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: "node-role.kubernetes.io/control-plane"})
	if err != nil {
		return "", err
	}
	if len(nodes.Items) == 0 {
		return "", fmt.Errorf("the cluster has no node of its own for the control plane")
	}
	return nodes.Items[0].Name, nil
}

// ContainerID waits until the container runs, and returns its ID; a pod that has ended is an error.
func (c *Cluster) ContainerID(ctx context.Context, pod *corev1.Pod, container string) (string, error) {
	var id string
	var over error
	err := Retry(ctx, "container "+container+" of pod "+pod.Name+" runs", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		if status := Status(pod, container); err == nil && status != nil && status.State.Running != nil {
			_, id, _ = strings.Cut(status.ContainerID, "://")
		}
		if apierrors.IsNotFound(err) || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			over = fmt.Errorf("pod %s has ended", pod.Name)
			return true, nil
		}
		return id != "", err
	})
	return id, errors.Join(err, over)
}

// Status is that of a container of the pod, init containers included; nil if it has none yet.
func Status(pod *corev1.Pod, container string) *corev1.ContainerStatus {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range list {
			if list[i].Name == container {
				return &list[i]
			}
		}
	}
	return nil
}
