// Package harness reaches the participants of steps on a test cluster from outside, to look at them and to end any of
// them: the processes of containers, the daemons of nodes, the API server, whole nodes. The end-to-end suite and the soak
// share it.
package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// AppImage holds one static binary, test/e2e/app, and nothing else: the image of the tests' steps.
const AppImage = "oras-test/app:e2e"

// agents is the namespace of all pods that work for the harness: one on each node it had to do with, and those of Cordon.
const agents = "e2e-agents"

// interval lies between two looks at what is waited for.
const interval = 200 * time.Millisecond

// Cluster is a test cluster. Its methods may be called by several goroutines at once.
type Cluster struct {
	client.WithWatch
	Kube   kubernetes.Interface
	Config *rest.Config
}

// Connect returns the cluster that a kubeconfig file names.
func Connect(kubeconfig string) (*Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading KUBECONFIG %q: %w", kubeconfig, err)
	}
	config.QPS, config.Burst = 100, 100
	scheme, err := v1alpha1.NewScheme()
	if err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Cluster{WithWatch: c, Kube: kube, Config: config}, nil
}

// Close removes what the harness has put into the cluster.
func (c *Cluster) Close(ctx context.Context) error {
	return client.IgnoreNotFound(c.Delete(ctx, agentNamespace()))
}

// Await polls until done or the end of ctx, whose error then says what was waited for.
func Await(ctx context.Context, what string, done func(ctx context.Context) (bool, error)) error {
	if err := wait.PollUntilContextCancel(ctx, interval, true, done); err != nil {
		return fmt.Errorf("waiting until %s: %w", what, err)
	}
	return nil
}

// Retry is Await for what may fail while a part of the cluster is down: only the end of ctx is an error, together with
// the last one that try returned.
func Retry(ctx context.Context, what string, try func(ctx context.Context) (bool, error)) error {
	var last error
	err := Await(ctx, what, func(ctx context.Context) (bool, error) {
		done, err := try(ctx)
		if err != nil {
			last = err
		}
		return done && err == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}

// agent is a pod that sees the processes and the files of a node; it stays until Close.
func (c *Cluster) agent(ctx context.Context, node string) (*corev1.Pod, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: agents, Name: "agent-" + node},
		Spec: corev1.PodSpec{
			NodeName:                      node,
			HostPID:                       true,
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}}, // also on a node that is lost for a while
			Containers: []corev1.Container{{
				Name: "agent", Image: AppImage, ImagePullPolicy: corev1.PullIfNotPresent,
				Command:         []string{"/app", "await-file", "/never"},
				SecurityContext: &corev1.SecurityContext{Privileged: new(true), RunAsUser: ptr.To[int64](0)},
			}},
		},
	}
	namespace := agentNamespace()
	return pod, Retry(ctx, "the agent on "+node+" runs", func(ctx context.Context) (bool, error) {
		for _, object := range []client.Object{namespace, pod} {
			if err := c.createCopy(ctx, object); err != nil {
				return false, err
			}
		}
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return pod.Status.Phase == corev1.PodRunning, err
	})
}

func agentNamespace() *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: agents}}
}

// createCopy creates an object that may be there already, and leaves what the caller has of it as it is.
func (c *Cluster) createCopy(ctx context.Context, object client.Object) error {
	made := object.DeepCopyObject().(client.Object) //nolint:forcetypeassert // a copy is what it is a copy of
	made.SetResourceVersion("")
	return client.IgnoreAlreadyExists(c.Create(ctx, made))
}

// Ensure creates an object unless it is there, and again while parts of the cluster are down.
func (c *Cluster) Ensure(ctx context.Context, object client.Object) error {
	return Retry(ctx, object.GetName()+" is created", func(ctx context.Context) (bool, error) {
		err := c.createCopy(ctx, object)
		return err == nil, err
	})
}

// Nodes returns the names of all nodes.
func (c *Cluster) Nodes(ctx context.Context) (names []string, err error) {
	err = Retry(ctx, "the nodes are listed", func(ctx context.Context) (bool, error) {
		var nodes corev1.NodeList
		err := c.List(ctx, &nodes)
		names = nil
		for _, node := range nodes.Items {
			names = append(names, node.Name)
		}
		return err == nil, err
	})
	return names, err
}
