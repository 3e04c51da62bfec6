package controller

import (
	"context"
	"errors"
	"testing"

	"gotest.tools/v3/assert"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

func TestWhatTheAPIServerSaysIsTold(t *testing.T) {
	claims := schema.GroupResource{Resource: "persistentvolumeclaims"}
	tests := map[string]struct {
		answer     error
		wantReason string
		wantReady  metav1.ConditionStatus
		wantErr    bool
	}{
		"a refusal is told and tried again later": {
			answer:     apierrors.NewForbidden(claims, "oras-data", errors.New("exceeded quota")),
			wantReason: v1alpha1.ReasonRejected, wantReady: metav1.ConditionFalse,
		},
		"an invalid object is told and tried again later": {
			answer:     apierrors.NewInvalid(schema.GroupKind{Kind: "PersistentVolumeClaim"}, "oras-data", nil),
			wantReason: v1alpha1.ReasonRejected, wantReady: metav1.ConditionFalse,
		},
		"trouble is tried again soon and says nothing about the registry": {
			answer:     apierrors.NewInternalError(errors.New("no leader")),
			wantReason: v1alpha1.ReasonRetrying, wantReady: metav1.ConditionUnknown, wantErr: true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, interceptor.Funcs{
				Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
					return tc.answer
				},
			}, newCache(nil))
			cache, result, err := c.reconcile(t)
			assert.Equal(t, errors.Is(err, tc.answer), tc.wantErr)
			assert.Equal(t, reasonOf(cache), tc.wantReason)
			assert.Equal(t, cache.Status.Conditions[0].Status, tc.wantReady)
			assert.Equal(t, result.RequeueAfter > 0, !tc.wantErr)
		})
	}
}

func TestAStatusThatDidNotChangeIsNotWritten(t *testing.T) {
	writes := 0
	c := newCluster(t, interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			writes++
			return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
		},
	}, newCache(nil))
	for range 3 {
		_, _, err := c.reconcile(t)
		assert.NilError(t, err)
	}
	assert.Equal(t, writes, 1)
}

func TestOnlyTheNewestRevisionServes(t *testing.T) {
	good := appsv1.StatefulSetStatus{
		ObservedGeneration: 2, ReadyReplicas: 1, UpdatedReplicas: 1, CurrentRevision: "b", UpdateRevision: "b",
	}
	tests := map[string]struct {
		change func(*appsv1.StatefulSetStatus)
		want   bool
	}{
		"a ready pod of the newest revision": {func(*appsv1.StatefulSetStatus) {}, true},
		"a spec not looked at yet":           {func(s *appsv1.StatefulSetStatus) { s.ObservedGeneration = 1 }, false},
		"a pod that is not ready":            {func(s *appsv1.StatefulSetStatus) { s.ReadyReplicas = 0 }, false},
		"a pod to be replaced":               {func(s *appsv1.StatefulSetStatus) { s.UpdatedReplicas = 0 }, false},
		"a revision under way":               {func(s *appsv1.StatefulSetStatus) { s.CurrentRevision = "a" }, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: good}
			tc.change(&set.Status)
			assert.Equal(t, isServing(set), tc.want)
		})
	}
}

func TestAReplicaThatIsNotReadyIsTold(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(func(cache *v1alpha1.OrasCache) {
		cache.Spec.Replicas = new(int32(3))
		cache.Spec.Storage.S3 = &v1alpha1.S3Spec{Bucket: "artifacts"}
	}))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	set := &appsv1.StatefulSet{}
	assert.Assert(t, c.has(t, "oras", set))
	set.Status = appsv1.StatefulSetStatus{ObservedGeneration: set.Generation, ReadyReplicas: 2, UpdatedReplicas: 2}
	assert.NilError(t, c.Status().Update(t.Context(), set))
	cache, _ = c.change(t, cache, nothing)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonStarting)
	assert.Equal(t, cache.Status.Conditions[0].Message, "2 of 3 replicas are ready and 2 have this spec.")
	assert.Equal(t, cache.Status.RegistryVersion, "")

	assert.Assert(t, c.has(t, "oras", set))
	set.Status.UpdatedReplicas = 3
	assert.NilError(t, c.Status().Update(t.Context(), set))
	cache, _ = c.change(t, cache, nothing)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonServing)
	assert.Equal(t, cache.Status.Conditions[0].Message, "The registry serves at oras.flow.svc:5000. 2 of 3 replicas are ready.")
	assert.Equal(t, cache.Status.RegistryVersion, "v1")
}
