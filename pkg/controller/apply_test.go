package controller

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

func TestWhatIsNotOursIsLeftAlone(t *testing.T) {
	at := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "flow", Name: name} }
	earlier := metav1.NewControllerRef(newCache(func(c *v1alpha1.OrasCache) { c.UID = "earlier" }),
		v1alpha1.GroupVersion().WithKind(v1alpha1.Kind))
	tests := map[string]struct {
		foreign   client.Object
		wantSoon  bool
		wantError string
	}{
		"a Service": {
			foreign:   &corev1.Service{ObjectMeta: at("oras")},
			wantError: `Service "oras" is not of this OrasCache`,
		},
		"a headless Service": {
			foreign:   &corev1.Service{ObjectMeta: at("oras-pods")},
			wantError: `Service "oras-pods" is not of this OrasCache`,
		},
		"a StatefulSet": {
			foreign:   &appsv1.StatefulSet{ObjectMeta: at("oras")},
			wantError: `StatefulSet "oras" is not of this OrasCache`,
		},
		"a claim": {
			foreign:   &corev1.PersistentVolumeClaim{ObjectMeta: at("oras-data")},
			wantError: `PersistentVolumeClaim "oras-data" is not of this OrasCache`,
		},
		"a Secret": {
			foreign:   &corev1.Secret{ObjectMeta: at("oras-registry")},
			wantError: `Secret "oras-registry" is not of this OrasCache`,
		},
		"a ConfigMap": {
			foreign:   &corev1.ConfigMap{ObjectMeta: at("oras-registry")},
			wantError: `ConfigMap "oras-registry" is not of this OrasCache`,
		},
		"a NetworkPolicy": {
			foreign:   &networkingv1.NetworkPolicy{ObjectMeta: at("oras-registry")},
			wantError: `NetworkPolicy "oras-registry" is not of this OrasCache`,
		},
		"a ServiceAccount": {
			foreign:   &corev1.ServiceAccount{ObjectMeta: at("oras-registry")},
			wantError: `ServiceAccount "oras-registry" is not of this OrasCache`,
		},
		"a Service that an earlier OrasCache of the name leaves behind for a moment": {
			foreign: &corev1.Service{ObjectMeta: metav1.ObjectMeta{
				Namespace: "flow", Name: "oras", OwnerReferences: []metav1.OwnerReference{*earlier},
			}},
			wantSoon:  true,
			wantError: `Service "oras" belongs to something that is being deleted`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			asked := newCache(func(c *v1alpha1.OrasCache) { c.Spec.Auth = v1alpha1.AuthServiceAccount }) // it has one of each kind
			c := newCluster(t, interceptor.Funcs{}, asked, tc.foreign)
			there := tc.foreign.DeepCopyObject().(client.Object)
			assert.Assert(t, c.has(t, tc.foreign.GetName(), there))
			version := there.GetResourceVersion()

			cache, result, err := c.reconcile(t)
			assert.NilError(t, err)
			assert.Equal(t, reasonOf(cache), v1alpha1.ReasonNameTaken)
			assert.Assert(t, cmp.Contains(cache.Status.Conditions[0].Message, tc.wantError))
			assert.Equal(t, cache.Status.Endpoint, "")
			assert.Assert(t, result.RequeueAfter > 0)
			assert.Equal(t, result.RequeueAfter == lookAgainLeaving, tc.wantSoon)
			assert.Assert(t, c.has(t, tc.foreign.GetName(), there))
			assert.Equal(t, there.GetResourceVersion(), version)
		})
	}
}

func TestAKeptClaimIsTakenUpAgain(t *testing.T) {
	kept := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Namespace: "flow", Name: "oras-data", Labels: labelsOf(newCache(nil)),
	}}
	c := newCluster(t, interceptor.Funcs{}, newCache(nil), kept)
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonStoragePending)
	assert.Assert(t, c.has(t, "oras-data", kept))
	assert.Assert(t, metav1.IsControlledBy(kept, cache))
}
