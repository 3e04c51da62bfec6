package harness

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// errNoWorker means that the cluster has no node that may be lost.
var errNoWorker = errors.New("the cluster has no worker; make it with NODES=2")

// Worker returns the name of a node that the control plane does not depend on.
func (c *Cluster) Worker(ctx context.Context) (string, error) {
	nodes, err := c.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: "!node-role.kubernetes.io/control-plane"})
	if err != nil {
		return "", err
	}
	if len(nodes.Items) == 0 {
		return "", errNoWorker
	}
	return nodes.Items[0].Name, nil
}

// KillNode ends everything on a node at once, as a power cut does: a node of kind is a container of the Docker
// daemon at $DOCKER_HOST. What was written to its disk stays.
func (c *Cluster) KillNode(ctx context.Context, node string) error {
	if err := c.Thaw(ctx, node); err != nil {
		return err
	}
	return docker(ctx, "kill", node)
}

// thaw is a script: on cgroup v2 there is nothing to be done, and what is gone meanwhile needs nothing.
const thaw = `[ ! -d /sys/fs/cgroup/freezer ] ||
	find /sys/fs/cgroup/freezer -name freezer.state -exec sh -c 'echo THAWED >"$1"' sh {} \; 2>/dev/null || true`

// Thaw lets go on what a container runtime left frozen that was killed while it set up a container. On cgroup v1 nothing can
// kill such a process, so that neither its pod nor its node could end.
func (c *Cluster) Thaw(ctx context.Context, node string) error {
	return docker(ctx, "exec", node, "sh", "-c", thaw)
}

// StartNode starts a node that was killed, and returns when the cluster knows that it is back.
func (c *Cluster) StartNode(ctx context.Context, node string) error {
	if err := docker(ctx, "start", node); err != nil {
		return err
	}
	return Retry(ctx, "node "+node+" is ready", func(ctx context.Context) (bool, error) {
		_, err := c.Kube.CoreV1().RESTClient().Get().AbsPath("/api/v1/nodes/" + node + "/proxy/healthz").DoRaw(ctx)
		if err != nil {
			return false, err
		}
		now, err := c.Kube.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
		return err == nil && isReady(now), err
	})
}

func isReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func docker(ctx context.Context, args ...string) error {
	output, err := exec.CommandContext(ctx, "docker", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, output)
	}
	return nil
}
