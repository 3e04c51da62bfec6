package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/test/harness"
)

// fake is the label and the taint of the nodes that kwok feigns.
const fake = "oras-test/fake"

// As many pods as a kubelet takes unless told otherwise, and as many of them as are ours: a DaemonSet may have its own there.
const (
	podsOfNode = 110
	oursOfNode = 100
)

// bench is where pods are created: a namespace with an OrasCache, and feigned nodes.
type bench struct {
	*harness.Cluster
	options
	burst     client.Client // waits for no turn of its own
	namespace *corev1.Namespace
	stopKwok  func() error
}

func newBench(opts options) (*bench, error) {
	c, err := harness.Connect(opts.kubeconfig)
	if err != nil {
		return nil, err
	}
	c.Config.QPS = -1
	unlimited, err := client.New(c.Config, client.Options{Scheme: c.Scheme()})
	if err != nil {
		return nil, err
	}
	return &bench{
		Cluster: c, options: opts, burst: unlimited,
		namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bench-"}},
	}, nil
}

// startKwok returns a context that ends when kwok does, and with ctx.
func (b *bench) startKwok(ctx context.Context) (context.Context, error) {
	args := []string{"--kubeconfig=" + b.kubeconfig, "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake", "--v=ERROR"}
	for _, stage := range []string{
		"node/fast/node-initialize", "node/heartbeat-with-lease/node-heartbeat-with-lease", "pod/fast/pod-ready",
	} {
		args = append(args, "--config="+filepath.Join(b.stages, stage+".yaml"))
	}
	kwok := exec.Command(b.kwok, args...)
	kwok.Stderr = os.Stderr
	if err := kwok.Start(); err != nil {
		return nil, fmt.Errorf("starting kwok: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		cancel(fmt.Errorf("kwok has ended: %w", kwok.Wait()))
		close(ended)
	}()
	b.stopKwok = func() error {
		err := kwok.Process.Signal(syscall.SIGTERM)
		<-ended
		return err
	}
	return ctx, nil
}

// prepare returns when the cache and the nodes are ready.
func (b *bench) prepare(ctx context.Context) error {
	if err := b.Create(ctx, b.namespace); err != nil {
		return err
	}
	cache := &v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Name: "oras", Namespace: b.namespace.Name}}
	if err := b.Create(ctx, cache); err != nil {
		return err
	}
	nodes := (b.pods + oursOfNode - 1) / oursOfNode
	for i := range nodes {
		if err := b.Create(ctx, node(i)); err != nil {
			return err
		}
	}
	return harness.Await(ctx, "the cache and the nodes are ready", func(ctx context.Context) (bool, error) {
		if err := b.Get(ctx, client.ObjectKeyFromObject(cache), cache); err != nil {
			return false, err
		}
		ready, err := b.readyNodes(ctx)
		return meta.IsStatusConditionTrue(cache.Status.Conditions, v1alpha1.ConditionReady) && ready == nodes, err
	})
}

// node is one for kwok. It has no address, so that nothing on the other nodes looks for a way to it.
func node(i int) *corev1.Node {
	amounts := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("1000"), corev1.ResourceMemory: resource.MustParse("1Ti"),
		corev1.ResourcePods: *resource.NewQuantity(podsOfNode, resource.DecimalSI),
	}
	name := fmt.Sprintf("fake-%d", i)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{fake: "true"}, Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
		},
		Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: fake, Value: "true", Effect: corev1.TaintEffectNoSchedule}}},
		Status: corev1.NodeStatus{
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: name}},
			Capacity:  amounts, Allocatable: amounts,
		},
	}
}

func (b *bench) readyNodes(ctx context.Context) (int, error) {
	var list corev1.NodeList
	if err := b.List(ctx, &list, client.MatchingLabels{fake: "true"}); err != nil {
		return 0, err
	}
	ready := 0
	for _, n := range list.Items {
		for _, condition := range n.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	return ready, nil
}

// close removes all that was made, and returns when the pods are gone.
func (b *bench) close(ctx context.Context) error {
	var errs []error
	if b.namespace.Name != "" {
		errs = append(errs, b.empty(ctx), b.Delete(ctx, b.namespace))
	}
	errs = append(errs, b.DeleteAllOf(ctx, &corev1.Node{}, client.MatchingLabels{fake: "true"}), b.Close(ctx))
	if b.stopKwok != nil {
		errs = append(errs, b.stopKwok())
	}
	return errors.Join(errs...)
}
