package controller

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

func TestAForeignImageIsNotTakenForWhatItIsNot(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(func(cache *v1alpha1.OrasCache) {
		cache.Spec.Image = "registry:3"
		cache.Spec.MaxUploads = 3
		cache.Spec.Retention = []v1alpha1.RetentionRule{{KeepLast: new(int32(1))}}
	}))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Assert(t, c.has(t, "oras", &appsv1.StatefulSet{}))
	assert.Assert(t, cmp.Len(cache.Status.Conditions, 2))
	assert.Equal(t, cache.Status.Conditions[1].Type, v1alpha1.ConditionSupported)
	assert.Assert(t, cmp.Contains(cache.Status.Conditions[1].Message, "spec.maxUploads, spec.retention; image registry:3"))

	cache, _ = c.change(t, cache, func(cache *v1alpha1.OrasCache) {
		cache.Spec.MaxUploads, cache.Spec.Retention = 0, nil
	})
	assert.Assert(t, cmp.Len(cache.Status.Conditions, 1))

	cache, _ = c.change(t, cache, func(cache *v1alpha1.OrasCache) { cache.Spec.Auth = v1alpha1.AuthServiceAccount })
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonUnsupported, "it would let in everybody")
}

func TestAScheduleThatTheRegistryWouldNotStartWithLeavesItAsItWas(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(nil))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	cache, before := c.change(t, cache, func(cache *v1alpha1.OrasCache) { cache.Spec.GC.Schedule = new("0 3 * * *") })
	cache, after := c.change(t, cache, func(cache *v1alpha1.OrasCache) { cache.Spec.GC.Schedule = new("61 3 * * *") })
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonUnsupported)
	assert.Assert(t, cmp.Contains(cache.Status.Conditions[0].Message, `The schedule "61 3 * * *" of spec.gc.schedule is none`))
	assert.Equal(t, after, before)
}
