package controller

import (
	"context"
	"errors"
	"sync"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	applynetworking "k8s.io/client-go/applyconfigurations/networking/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// cluster is a fake API server with a reconciler at it.
type cluster struct {
	client.Client
	reconciler *Reconciler
}

// converters know the types that are applied. To make them takes longer than most tests.
var converters = sync.OnceValue(func() []managedfields.TypeConverter {
	return []managedfields.TypeConverter{
		applyconfigurations.NewTypeConverter(clientgoscheme.Scheme),
		managedfields.NewDeducedTypeConverter(),
	}
})

// newCluster holds objects; funcs stand in for what the API server does otherwise.
func newCluster(t *testing.T, funcs interceptor.Funcs, objects ...client.Object) cluster {
	t.Helper()
	scheme, err := v1alpha1.NewScheme()
	assert.NilError(t, err)
	c := fake.NewClientBuilder().
		WithScheme(scheme).
		WithTypeConverters(converters()...).
		WithStatusSubresource(&v1alpha1.OrasCache{}, &appsv1.StatefulSet{}, &corev1.PersistentVolumeClaim{}).
		WithObjects(objects...).
		WithInterceptorFuncs(interceptor.Funcs{Apply: applyPolicies}).
		Build()
	c = interceptor.NewClient(c, funcs)
	return cluster{Client: c, reconciler: &Reconciler{
		client:            c,
		operatorImage:     "operator:v1",
		operatorVersion:   "v1",
		operatorNamespace: "operators",
		issuer:            &issuer{t: t},
	}}
}

// applyPolicies stands in for the fake API server where a NetworkPolicy is applied, which it cannot.
func applyPolicies(ctx context.Context, c client.WithWatch, want runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	policy, is := want.(*applynetworking.NetworkPolicyApplyConfiguration)
	if !is {
		return c.Apply(ctx, want, opts...)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(policy)
	if err != nil {
		return err
	}
	object, there := &unstructured.Unstructured{Object: content}, &networkingv1.NetworkPolicy{}
	err = c.Get(ctx, client.ObjectKeyFromObject(object), there)
	if apierrors.IsNotFound(err) {
		return c.Create(ctx, object)
	}
	object.SetResourceVersion(there.ResourceVersion)
	return errors.Join(err, c.Update(ctx, object))
}

// reconcile looks after the OrasCache once and returns it as it is then.
func (c cluster) reconcile(t *testing.T) (*v1alpha1.OrasCache, ctrl.Result, error) {
	t.Helper()
	key := types.NamespacedName{Namespace: "flow", Name: "oras"}
	result, reconcileErr := c.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
	cache := &v1alpha1.OrasCache{}
	assert.NilError(t, c.Get(t.Context(), key, cache))
	return cache, result, reconcileErr
}

// has tells whether an object of obj's type and that name is there, and reads it into obj.
func (c cluster) has(t *testing.T, name string, obj client.Object) bool {
	t.Helper()
	err := c.Get(t.Context(), types.NamespacedName{Namespace: "flow", Name: name}, obj)
	assert.NilError(t, client.IgnoreNotFound(err))
	return err == nil
}

// requestFor asks for a look at cache.
func requestFor(cache *v1alpha1.OrasCache) ctrl.Request {
	return ctrl.Request{NamespacedName: client.ObjectKeyFromObject(cache)}
}

func newCache(change func(*v1alpha1.OrasCache)) *v1alpha1.OrasCache {
	cache := &v1alpha1.OrasCache{
		ObjectMeta: metav1.ObjectMeta{Namespace: "flow", Name: "oras", UID: "the-uid", Generation: 3},
	}
	if change != nil {
		change(cache)
	}
	return cache
}

func reasonOf(cache *v1alpha1.OrasCache) string {
	ready := meta.FindStatusCondition(cache.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return "none"
	}
	return ready.Reason
}

func TestAnOrasCacheGetsItsRegistry(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(nil))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonStoragePending)
	assert.Equal(t, cache.Status.Endpoint, "oras.flow.svc:5000")
	assert.Equal(t, cache.Status.ObservedGeneration, int64(3))

	set, pvc, secret := &appsv1.StatefulSet{}, &corev1.PersistentVolumeClaim{}, &corev1.Secret{}
	assert.Assert(t, c.has(t, "oras", set))
	assert.Assert(t, c.has(t, "oras", &corev1.Service{}))
	assert.Assert(t, c.has(t, "oras-pods", &corev1.Service{}))
	assert.Assert(t, c.has(t, "oras-data", pvc))
	assert.Assert(t, c.has(t, "oras-registry", secret))
	assert.Assert(t, len(secret.Data[secretKey]) >= 16)

	pvc.Status.Phase = corev1.ClaimBound
	assert.NilError(t, c.Status().Update(t.Context(), pvc))
	cache, _, err = c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonStarting)

	assert.Assert(t, c.has(t, "oras", set))
	set.Status = appsv1.StatefulSetStatus{ObservedGeneration: set.Generation, ReadyReplicas: 1, UpdatedReplicas: 1}
	assert.NilError(t, c.Status().Update(t.Context(), set))
	cache, _, err = c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonServing)
}

func TestTheSecretOfARegistryStays(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(nil))
	first, second := &corev1.Secret{}, &corev1.Secret{}
	_, _, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Assert(t, c.has(t, "oras-registry", first))
	_, _, err = c.reconcile(t)
	assert.NilError(t, err)
	assert.Assert(t, c.has(t, "oras-registry", second))
	assert.DeepEqual(t, first.Data, second.Data)
}

func TestDriftIsPutRight(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(nil))
	_, _, err := c.reconcile(t)
	assert.NilError(t, err)
	set := &appsv1.StatefulSet{}
	assert.Assert(t, c.has(t, "oras", set))
	set.Spec.Replicas = new(int32(0))
	set.Spec.Template.Spec.Containers[0].Image = "intruder"
	delete(set.Labels, labelManagedBy)
	assert.NilError(t, c.Update(t.Context(), set))

	_, _, err = c.reconcile(t)
	assert.NilError(t, err)
	assert.Assert(t, c.has(t, "oras", set))
	assert.Equal(t, *set.Spec.Replicas, int32(1))
	assert.Equal(t, set.Spec.Template.Spec.Containers[0].Image, "operator:v1")
	assert.Equal(t, set.Labels[labelManagedBy], managedBy)
}

func TestANewSpecReachesTheWorkload(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(func(cache *v1alpha1.OrasCache) { cache.Spec.Storage.Keep = true }))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	pvc := &corev1.PersistentVolumeClaim{}
	assert.Assert(t, c.has(t, "oras-data", pvc))
	assert.Assert(t, cmp.Len(pvc.OwnerReferences, 0))

	cache.Spec.Image = "registry:3"
	cache.Spec.Storage.Keep = false
	assert.NilError(t, c.Update(t.Context(), cache))
	_, _, err = c.reconcile(t)
	assert.NilError(t, err)
	set := &appsv1.StatefulSet{}
	assert.Assert(t, c.has(t, "oras", set))
	assert.Equal(t, set.Spec.Template.Spec.Containers[0].Image, "registry:3")
	assert.Assert(t, cmp.Len(set.Spec.Template.Spec.Containers[0].Args, 0))
	assert.Assert(t, c.has(t, "oras-data", pvc))
	assert.Assert(t, metav1.IsControlledBy(pvc, cache))
}

func TestWithoutDeployTheWorkloadGoesAndTheDataStays(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(nil))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	cache.Spec.Deploy = new(false)
	cache.Spec.Storage.Keep = true
	assert.NilError(t, c.Update(t.Context(), cache))

	cache, _, err = c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonNotDeployed)
	assert.Equal(t, cache.Status.Endpoint, "")
	assert.Assert(t, !c.has(t, "oras", &appsv1.StatefulSet{}))
	assert.Assert(t, !c.has(t, "oras", &corev1.Service{}))
	assert.Assert(t, !c.has(t, "oras-pods", &corev1.Service{}))
	pvc := &corev1.PersistentVolumeClaim{}
	assert.Assert(t, c.has(t, "oras-data", pvc))
	assert.Assert(t, cmp.Len(pvc.OwnerReferences, 0))
}

func TestTheServiceHasTheNameThatTheSpecGives(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(nil))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, cache.Status.Endpoint, "oras.flow.svc:5000")
	cache.Spec.Service.Name = "artifacts"
	assert.NilError(t, c.Update(t.Context(), cache))

	cache, _, err = c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, cache.Status.Endpoint, "artifacts.flow.svc:5000")
	assert.Assert(t, c.has(t, "artifacts", &corev1.Service{}))
	assert.Assert(t, c.has(t, "oras-pods", &corev1.Service{}))
	assert.Assert(t, !c.has(t, "oras", &corev1.Service{}), "nobody is to go on with the old name")
	set := &appsv1.StatefulSet{}
	assert.Assert(t, c.has(t, "oras", set))
	assert.Equal(t, set.Spec.ServiceName, "oras-pods")
}

func TestTheServiceMayBeSomebodyElses(t *testing.T) {
	theirs := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "flow", Name: "theirs"}}
	c := newCluster(t, interceptor.Funcs{}, theirs, newCache(func(cache *v1alpha1.OrasCache) {
		cache.Spec.Service = v1alpha1.ServiceSpec{Name: "theirs", Create: new(false)}
	}))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, cache.Status.Endpoint, "theirs.flow.svc:5000")
	assert.Assert(t, c.has(t, "theirs", theirs))
	assert.Equal(t, len(theirs.Spec.Ports), 0)
	assert.Assert(t, !c.has(t, "oras", &corev1.Service{}))
}

func TestWithoutDeployNothingIsMade(t *testing.T) {
	foreign := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "flow", Name: "oras"}}
	c := newCluster(t, interceptor.Funcs{}, foreign, newCache(func(cache *v1alpha1.OrasCache) { cache.Spec.Deploy = new(false) }))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonNotDeployed)
	assert.Assert(t, c.has(t, "oras", foreign))
	assert.Assert(t, !c.has(t, "oras-data", &corev1.PersistentVolumeClaim{}))
	assert.Assert(t, !c.has(t, "oras-registry", &corev1.Secret{}))
}

func TestEphemeralStorageHasNoClaim(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(func(cache *v1alpha1.OrasCache) {
		cache.Spec.Storage.Ephemeral = true
		cache.Spec.Storage.Size = new(resource.MustParse("1Gi"))
	}))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonStarting)
	assert.Assert(t, !c.has(t, "oras-data", &corev1.PersistentVolumeClaim{}))
}
