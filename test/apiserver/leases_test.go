package apiserver_test

import (
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/converged-computing/oras-operator/test/apiserver"
)

func TestALeaseIsReplacedOnlyByWhoeverReadItLast(t *testing.T) {
	key, err := apiserver.NewKey("k1")
	assert.NilError(t, err)
	server := apiserver.Start(key, nil)
	t.Cleanup(server.Close)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	assert.NilError(t, server.WriteKubeconfig(kubeconfig))
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	assert.NilError(t, err)
	client, err := kubernetes.NewForConfig(config)
	assert.NilError(t, err)
	leases := client.CoordinationV1().Leases("alpha")

	_, err = leases.Get(t.Context(), "registry", metav1.GetOptions{})
	assert.Assert(t, apierrors.IsNotFound(err), err)
	one := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "registry"}, Spec: coordinationv1.LeaseSpec{HolderIdentity: new("one")}}
	held, err := leases.Create(t.Context(), one, metav1.CreateOptions{})
	assert.NilError(t, err)
	_, err = leases.Create(t.Context(), one, metav1.CreateOptions{})
	assert.Assert(t, apierrors.IsAlreadyExists(err), err)

	stale := held.DeepCopy()
	held, err = leases.Update(t.Context(), held, metav1.UpdateOptions{})
	assert.NilError(t, err)
	assert.Equal(t, server.Turns("alpha", "registry"), 1, "it was renewed")
	_, err = leases.Update(t.Context(), stale, metav1.UpdateOptions{})
	assert.Assert(t, apierrors.IsConflict(err), err)
	held.Spec.HolderIdentity = new("two")
	_, err = leases.Update(t.Context(), held, metav1.UpdateOptions{})
	assert.NilError(t, err)
	assert.Equal(t, server.Turns("alpha", "registry"), 2)
}
