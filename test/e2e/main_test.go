//go:build e2e

// Package e2e is the end-to-end suite: the operator as it is installed, on a real Kubernetes. It is run by `make
// test-e2e`, which sets the environment that it reads: KUBECONFIG, and the paths OPERATOR, of the operator's binary, ORAS_CLI,
// of the stock oras client, and JOBSET_YAML, of what installs JobSet.
package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/converged-computing/oras-operator/test/harness"
)

// image holds one static binary, test/e2e/app, and nothing else.
const image = harness.AppImage

// cluster is what every test needs to reach.
type cluster struct{ *harness.Cluster }

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard()) // the client's; tests say themselves what went wrong
	code := m.Run()
	if err := cleanUp(os.Getenv("KUBECONFIG")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// cleanUp removes what the harness has put into the cluster for all tests together.
func cleanUp(kubeconfig string) error {
	c, err := harness.Connect(kubeconfig)
	if err != nil {
		return err
	}
	return c.Close(cleanupContext())
}

// connect returns the cluster of $KUBECONFIG. Without one there is nothing to test and the test fails: `make test-e2e`
// decides beforehand whether there can be one.
func connect(t *testing.T) *cluster {
	t.Helper()
	c, err := harness.Connect(os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{c}
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
	await(t, "the namespace has a ServiceAccount, without which no pod is admitted", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKey{Namespace: ns.Name, Name: "default"}, &corev1.ServiceAccount{})
		return err == nil, client.IgnoreNotFound(err)
	})
	return ns.Name
}
