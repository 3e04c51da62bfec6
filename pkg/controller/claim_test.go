package controller

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// stored gives an OrasCache that storage.
func stored(storage v1alpha1.StorageSpec) func(*v1alpha1.OrasCache) {
	return func(cache *v1alpha1.OrasCache) { cache.Spec.Storage = storage }
}

func TestARegistryDoesNotMoveToAnotherKindOfStorage(t *testing.T) {
	claimed := v1alpha1.StorageSpec{}
	ephemeral := v1alpha1.StorageSpec{Ephemeral: true}
	bucket := v1alpha1.StorageSpec{S3: &v1alpha1.S3Spec{Bucket: "artifacts"}}
	for name, tc := range map[string]struct {
		from, to v1alpha1.StorageSpec
		want     string
	}{
		"from a claim to an emptyDir":     {claimed, ephemeral, "in a claim, and spec.storage now asks for an emptyDir"},
		"from a claim to a bucket":        {claimed, bucket, "in a claim, and spec.storage now asks for a bucket"},
		"from an emptyDir to a claim":     {ephemeral, claimed, "in an emptyDir, and spec.storage now asks for a claim"},
		"from a bucket to a claim":        {bucket, claimed, "in a bucket, and spec.storage now asks for a claim"},
		"from one bucket to the same one": {bucket, bucket, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, interceptor.Funcs{}, newCache(stored(tc.from)))
			cache, _, err := c.reconcile(t)
			assert.NilError(t, err)
			before := &appsv1.StatefulSet{}
			assert.Assert(t, c.has(t, "oras", before))

			cache.Spec.Storage = tc.to
			assert.NilError(t, c.Update(t.Context(), cache))
			cache, result, err := c.reconcile(t)
			assert.NilError(t, err)
			after := &appsv1.StatefulSet{}
			assert.Assert(t, c.has(t, "oras", after))
			assert.DeepEqual(t, after.Spec, before.Spec)
			if tc.want == "" {
				assert.Assert(t, reasonOf(cache) != v1alpha1.ReasonStorageFixed)
				return
			}
			assert.Equal(t, reasonOf(cache), v1alpha1.ReasonStorageFixed)
			assert.Assert(t, cmp.Contains(cache.Status.Conditions[0].Message, tc.want))
			assert.Assert(t, result.RequeueAfter > 0)

			// The way that the message tells.
			for _, deploy := range []bool{false, true} {
				cache.Spec.Deploy = new(deploy)
				assert.NilError(t, c.Update(t.Context(), cache))
				cache, _, err = c.reconcile(t)
				assert.NilError(t, err)
			}
			assert.Assert(t, reasonOf(cache) != v1alpha1.ReasonStorageFixed)
			assert.Assert(t, c.has(t, "oras", after))
			assert.Equal(t, storageIn(after), storageOf(cache))
			wasClaimed := tc.from.S3 == nil && !tc.from.Ephemeral
			if wasClaimed {
				assert.Assert(t, c.has(t, "oras-data", &corev1.PersistentVolumeClaim{}), "what was kept is still there")
			}
		})
	}
}

// thereWith is a claim of a registry, as the cluster has made it.
func thereWith(class, size string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "flow", Name: "oras-data", Labels: labelsOf(newCache(nil))},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: new(class),
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)},
			},
		},
	}
}

func TestAClaimKeepsWhatItCannotChange(t *testing.T) {
	for name, tc := range map[string]struct {
		storage             v1alpha1.StorageSpec
		wantSize, wantClass string
		wantMessage         string
	}{
		"its size where none is asked for": {
			storage:  v1alpha1.StorageSpec{},
			wantSize: "20Gi", wantClass: "fast",
		},
		"and grows where more is": {
			storage:  v1alpha1.StorageSpec{Size: new(resource.MustParse("30Gi"))},
			wantSize: "30Gi", wantClass: "fast",
		},
		"its size where less is asked for": {
			storage:  v1alpha1.StorageSpec{Size: new(resource.MustParse("5Gi"))},
			wantSize: "20Gi", wantClass: "fast", wantMessage: "has 20Gi and cannot shrink to 5Gi",
		},
		"its size where it is not of the claim that more is asked for": {
			storage:  v1alpha1.StorageSpec{Ephemeral: true, Size: new(resource.MustParse("30Gi"))},
			wantSize: "20Gi", wantClass: "fast",
		},
		"its class": {
			storage:  v1alpha1.StorageSpec{StorageClassName: new("slow")},
			wantSize: "20Gi", wantClass: "fast", wantMessage: `is of storage class "fast", which cannot become "slow"`,
		},
		"its class where it is the one asked for": {
			storage:  v1alpha1.StorageSpec{StorageClassName: new("fast")},
			wantSize: "20Gi", wantClass: "fast",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, interceptor.Funcs{}, newCache(stored(tc.storage)), thereWith("fast", "20Gi"))
			cache, _, err := c.reconcile(t)
			assert.NilError(t, err)
			pvc := &corev1.PersistentVolumeClaim{}
			assert.Assert(t, c.has(t, "oras-data", pvc))
			assert.Equal(t, pvc.Spec.Resources.Requests.Storage().String(), tc.wantSize)
			assert.Equal(t, *pvc.Spec.StorageClassName, tc.wantClass)
			assert.Equal(t, reasonOf(cache) == v1alpha1.ReasonStorageFixed, tc.wantMessage != "")
			assert.Assert(t, strings.Contains(cache.Status.Conditions[0].Message, tc.wantMessage))
		})
	}
}

// refuseGrowth stands in for the API server where no claim may grow: for its class, or a quota.
func refuseGrowth(ctx context.Context, c client.WithWatch, want runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	pvc, is := want.(*applycore.PersistentVolumeClaimApplyConfiguration)
	if !is {
		return c.Apply(ctx, want, opts...)
	}
	there := &corev1.PersistentVolumeClaim{}
	err := c.Get(ctx, client.ObjectKey{Namespace: *pvc.Namespace, Name: *pvc.Name}, there)
	if err == nil && pvc.Spec.Resources.Requests.Storage().Cmp(*there.Spec.Resources.Requests.Storage()) > 0 {
		return apierrors.NewForbidden(corev1.Resource("persistentvolumeclaims"), *pvc.Name, errors.New("it may not grow"))
	}
	return c.Apply(ctx, want, opts...)
}

func TestAClaimThatMayNotGrowIsKeptAsTheSpecSays(t *testing.T) {
	for name, keep := range map[string]bool{"when it is to be kept": true, "when it no longer is": false} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, interceptor.Funcs{Apply: refuseGrowth}, newCache(stored(v1alpha1.StorageSpec{Keep: !keep})))
			cache, _, err := c.reconcile(t)
			assert.NilError(t, err)
			pvc := &corev1.PersistentVolumeClaim{}
			assert.Assert(t, c.has(t, "oras-data", pvc))
			assert.Equal(t, metav1.IsControlledBy(pvc, cache), keep)

			cache.Spec.Storage = v1alpha1.StorageSpec{Keep: keep, Size: new(resource.MustParse("20Gi"))}
			assert.NilError(t, c.Update(t.Context(), cache))
			cache, _, err = c.reconcile(t)
			assert.NilError(t, err)
			assert.Equal(t, reasonOf(cache), v1alpha1.ReasonRejected)
			assert.Assert(t, cmp.Contains(cache.Status.Conditions[0].Message, "it may not grow"))
			assert.Assert(t, c.has(t, "oras-data", pvc))
			assert.Equal(t, pvc.Spec.Resources.Requests.Storage().String(), "10Gi")
			assert.Equal(t, len(pvc.OwnerReferences) == 0, keep)
			assert.Equal(t, metav1.IsControlledBy(pvc, cache), !keep)
		})
	}
}

func TestABucketHasNoClaim(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(stored(v1alpha1.StorageSpec{S3: &v1alpha1.S3Spec{Bucket: "artifacts"}})))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonStarting)
	assert.Assert(t, !c.has(t, "oras-data", &corev1.PersistentVolumeClaim{}))
}
