package controller

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Two caches of one namespace, and one of the same name in another.
func TestCachesDoNotSeeEachOther(t *testing.T) {
	caches := []*v1alpha1.OrasCache{}
	objects := []client.Object{}
	for _, name := range []types.NamespacedName{{Namespace: "flow", Name: "oras"}, {Namespace: "flow", Name: "second"}, {Namespace: "other", Name: "oras"}} {
		cache := newCache(func(c *v1alpha1.OrasCache) {
			c.Namespace, c.Name, c.UID = name.Namespace, name.Name, types.UID(name.String())
			c.Spec.Auth = v1alpha1.AuthServiceAccount
		})
		caches, objects = append(caches, cache), append(objects, cache)
	}
	c := newCluster(t, interceptor.Funcs{}, objects...)
	for _, cache := range caches {
		_, err := c.reconciler.Reconcile(t.Context(), requestFor(cache))
		assert.NilError(t, err)
	}

	secrets, audiences := map[string]bool{}, map[string]bool{}
	for _, cache := range caches {
		secret := &corev1.Secret{}
		assert.NilError(t, c.Get(t.Context(), client.ObjectKey{Namespace: cache.Namespace, Name: registryName(cache)}, secret))
		secrets[string(secret.Data[secretKey])] = true
		audiences[cache.TokenAudience()] = true

		policy := &networkingv1.NetworkPolicy{}
		assert.NilError(t, c.Get(t.Context(), client.ObjectKey{Namespace: cache.Namespace, Name: registryName(cache)}, policy))
		assert.Assert(t, policy.Spec.Ingress[0].From[0].NamespaceSelector == nil, "it lets in another namespace")

		binding := &rbacv1.RoleBinding{}
		assert.NilError(t, c.Get(t.Context(), client.ObjectKey{Namespace: cache.Namespace, Name: clientsName(cache)}, binding))
		assert.Equal(t, binding.Subjects[0].Name, "system:serviceaccounts:"+cache.Namespace)
		role := &rbacv1.Role{}
		assert.NilError(t, c.Get(t.Context(), client.ObjectKey{Namespace: cache.Namespace, Name: clientsName(cache)}, role))
		assert.DeepEqual(t, role.Rules[0].ResourceNames, []string{cache.Name})
	}
	assert.Equal(t, len(secrets), len(caches))
	assert.Equal(t, len(audiences), len(caches))

	// Whatever selects pods selects those of one cache.
	for _, cache := range caches {
		set, service := &appsv1.StatefulSet{}, &corev1.Service{}
		assert.NilError(t, c.Get(t.Context(), client.ObjectKeyFromObject(cache), set))
		assert.NilError(t, c.Get(t.Context(), client.ObjectKeyFromObject(cache), service))
		for _, other := range caches {
			pods := labels.Set(labelsOf(other))
			same := other == cache || other.Namespace != cache.Namespace && other.Name == cache.Name
			assert.Equal(t, labels.SelectorFromSet(service.Spec.Selector).Matches(pods), same)
			assert.Equal(t, labels.SelectorFromSet(set.Spec.Selector.MatchLabels).Matches(pods), same)
		}
	}

	// One that stops leaves the others alone.
	stopped := caches[0]
	assert.NilError(t, c.Get(t.Context(), client.ObjectKeyFromObject(stopped), stopped))
	stopped.Spec.Deploy = new(false)
	assert.NilError(t, c.Update(t.Context(), stopped))
	_, err := c.reconciler.Reconcile(t.Context(), requestFor(stopped))
	assert.NilError(t, err)
	for i, cache := range caches {
		err := c.Get(t.Context(), client.ObjectKeyFromObject(cache), &appsv1.StatefulSet{})
		assert.Equal(t, err == nil, i > 0)
	}
}

// Deletion asks nothing of the operator: garbage collection deletes what has an owner, which is all but a claim to be kept.
func TestAllButAKeptClaimGoesWithItsOwner(t *testing.T) {
	for dir, cache := range examples(t) {
		t.Run(dir, func(t *testing.T) {
			kept := 0
			for _, object := range strings.Split(applied(t, cache), "---\n")[1:] {
				var seen metav1.PartialObjectMetadata
				assert.NilError(t, yaml.Unmarshal([]byte(object), &seen))
				if !metav1.IsControlledBy(&seen, cache) {
					kept++
					assert.Equal(t, seen.Kind, "PersistentVolumeClaim")
				}
			}
			assert.Equal(t, kept == 1, cache.Spec.Storage.Keep)
		})
	}
}
