//go:build e2e

// Package e2e is the end-to-end suite: the operator as it is installed, on a real Kubernetes. It is run by `make
// test-e2e`, which sets the environment that it reads: KUBECONFIG, and ORAS_CLI, the path of the stock oras client.
package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// image holds one static binary, test/e2e/app, and nothing else.
const image = "oras-test/app:e2e"

// cluster is what every test needs to reach.
type cluster struct {
	client.Client
	kube   kubernetes.Interface
	config *rest.Config
	scheme *runtime.Scheme
}

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard()) // the client's; tests say themselves what went wrong
	code := m.Run()
	if err := removeAgents(os.Getenv("KUBECONFIG")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// removeAgents removes what tests share.
func removeAgents(kubeconfig string) error {
	c, err := newCluster(kubeconfig)
	if err != nil {
		return err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: agentNamespace}}
	return client.IgnoreNotFound(c.Delete(cleanupContext(), namespace))
}

// connect returns the cluster of $KUBECONFIG. Without one there is nothing to test and the test fails: `make test-e2e`
// decides beforehand whether there can be one.
func connect(t *testing.T) *cluster {
	t.Helper()
	c, err := newCluster(os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newCluster(kubeconfig string) (*cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading KUBECONFIG %q: %w", kubeconfig, err)
	}
	config.QPS, config.Burst = 100, 100
	scheme, err := v1alpha1.NewScheme()
	if err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &cluster{Client: c, kube: kube, config: config, scheme: scheme}, nil
}

// namespace makes a namespace that lives as long as the test; after a failure it says what is in it.
func (c *cluster) namespace(t *testing.T, labels map[string]string) string {
	t.Helper()
	ns := &corev1.Namespace{}
	ns.GenerateName = "e2e-"
	ns.Labels = labels
	if err := c.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			c.describe(t, ns.Name)
		}
		if err := c.Delete(cleanupContext(), ns); err != nil {
			t.Error(err)
		}
	})
	return ns.Name
}
