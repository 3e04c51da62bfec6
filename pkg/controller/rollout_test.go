package controller

import (
	"bytes"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// change makes cache what do says, looks after it, and returns it and the digest of the settings that its pods have then.
func (c cluster) change(t *testing.T, cache *v1alpha1.OrasCache, do func(*v1alpha1.OrasCache)) (*v1alpha1.OrasCache, string) {
	t.Helper()
	do(cache)
	assert.NilError(t, c.Update(t.Context(), cache))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	set := &appsv1.StatefulSet{}
	c.has(t, "oras", set)
	return cache, set.Spec.Template.Annotations[annotationSettings]
}

func nothing(*v1alpha1.OrasCache) {}

func TestWhatIsReadAtTheStartRollsOut(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(nil))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	seen := map[string]bool{}
	for _, do := range []func(*v1alpha1.OrasCache){
		nothing,
		func(cache *v1alpha1.OrasCache) { cache.Spec.MaxUploads = 7 },
		func(cache *v1alpha1.OrasCache) { cache.Spec.GC.Schedule = new("@daily") },
		func(cache *v1alpha1.OrasCache) {
			cache.Spec.Retention = []v1alpha1.RetentionRule{{KeepLast: new(int32(3))}}
		},
		func(cache *v1alpha1.OrasCache) { cache.Spec.Auth = v1alpha1.AuthServiceAccount },
		func(cache *v1alpha1.OrasCache) { cache.Spec.TLS.Enabled = true },
	} {
		var digest string
		cache, digest = c.change(t, cache, do)
		assert.Assert(t, digest != "" && !seen[digest], "nothing rolls out")
		seen[digest] = true
		_, again := c.change(t, cache, nothing)
		assert.Equal(t, again, digest, "what did not change does not roll out")
	}
}

func TestCertificatesAndUsersDoNotRollOut(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(func(cache *v1alpha1.OrasCache) {
		cache.Spec.TLS.Enabled = true
		cache.Spec.Auth, cache.Spec.HtpasswdSecretName = v1alpha1.AuthHtpasswd, "people"
	}), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "flow", Name: "people"}, Data: map[string][]byte{htpasswdKey: []byte(ada)},
	})
	cache, result, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, result.RequeueAfter, lookAgainGiven, "no event tells of a Secret")
	_, before := c.change(t, cache, nothing)
	tlsBefore, tlsAfter := &corev1.Secret{}, &corev1.Secret{}
	assert.Assert(t, c.has(t, "oras-tls", tlsBefore))

	c.reconciler.issuer.(*issuer).renew = true
	people := &corev1.Secret{}
	assert.Assert(t, c.has(t, "people", people))
	people.Data[htpasswdKey] = []byte(ada + grace)
	assert.NilError(t, c.Update(t.Context(), people))
	cache, after := c.change(t, cache, nothing)
	assert.Equal(t, after, before)
	assert.Assert(t, c.has(t, "oras-tls", tlsAfter))
	assert.Assert(t, !bytes.Equal(tlsBefore.Data[tlsCertKey], tlsAfter.Data[tlsCertKey]))
	users, published := &corev1.Secret{}, &corev1.ConfigMap{}
	assert.Assert(t, c.has(t, "oras-htpasswd", users))
	assert.Assert(t, cmp.Contains(string(users.Data[htpasswdKey]), "\n"+ada+grace))
	assert.Assert(t, c.has(t, cache.CASource(), published))
	assert.Equal(t, published.Data[v1alpha1.CAKey], string(tlsAfter.Data[tlsCAKey]))
}

func TestRotatedCredentialsOfABucketRollOut(t *testing.T) {
	keys := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "flow", Name: "store"},
		Data:       map[string][]byte{accessKeyID: []byte("id"), secretAccessKey: []byte("key")},
	}
	c := newCluster(t, interceptor.Funcs{}, keys, newCache(func(cache *v1alpha1.OrasCache) {
		cache.Spec.Storage.S3 = &v1alpha1.S3Spec{Bucket: "artifacts", SecretName: "store"}
	}))
	cache, result, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, result.RequeueAfter, lookAgainGiven, "no event tells of a Secret")
	cache, before := c.change(t, cache, nothing)
	keys.Data[secretAccessKey] = []byte("another")
	assert.NilError(t, c.Update(t.Context(), keys))
	_, after := c.change(t, cache, nothing)
	assert.Assert(t, after != before)
}

func TestWhatTheSpecNoLongerAsksForGoes(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(func(cache *v1alpha1.OrasCache) {
		cache.Spec.Auth = v1alpha1.AuthServiceAccount
		cache.Spec.TLS.Enabled = true
		cache.Spec.Replicas = new(int32(2))
		cache.Spec.Storage.S3 = &v1alpha1.S3Spec{Bucket: "artifacts"}
	}))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	there := func() []bool {
		return []bool{
			c.has(t, "oras-clients", &rbacv1.RoleBinding{}), c.has(t, "oras-clients", &rbacv1.Role{}),
			c.has(t, "oras-ca", &corev1.ConfigMap{}),
			c.has(t, "oras-registry", &policyv1.PodDisruptionBudget{}),
			c.has(t, "oras-registry", &networkingv1.NetworkPolicy{}),
			c.has(t, "oras-registry", &rbacv1.RoleBinding{}),
		}
	}
	assert.DeepEqual(t, there(), []bool{true, true, true, true, true, true})
	cache, _ = c.change(t, cache, func(cache *v1alpha1.OrasCache) {
		cache.Spec.DefaultAccess = v1alpha1.AccessNone
		cache.Spec.TLS.Enabled = false
		cache.Spec.Replicas = nil
		cache.Spec.NetworkPolicy.Create = new(false)
	})
	assert.DeepEqual(t, there(), []bool{false, false, false, false, false, true})
	c.change(t, cache, func(cache *v1alpha1.OrasCache) { cache.Spec.Deploy = new(false) })
	assert.DeepEqual(t, there(), []bool{false, false, false, false, false, false})
}

func TestWhatIsAroundARegistryIsPutRight(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(func(cache *v1alpha1.OrasCache) {
		cache.Spec.Auth = v1alpha1.AuthServiceAccount
		cache.Spec.TLS.Enabled = true
	}))
	_, _, err := c.reconcile(t)
	assert.NilError(t, err)
	role, policy, settings, trusted := &rbacv1.Role{}, &networkingv1.NetworkPolicy{}, &corev1.ConfigMap{}, &corev1.ConfigMap{}
	for name, object := range map[string]client.Object{
		"oras-clients": role, "oras-registry": policy, "oras-ca": trusted,
	} {
		assert.Assert(t, c.has(t, name, object))
	}
	assert.Assert(t, c.has(t, "oras-registry", settings))
	wanted := settings.Data[settingsKey]
	role.Rules[0].Verbs = []string{"pull", "push", "delete"}
	policy.Spec.Ingress = append(policy.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{})
	settings.Data[settingsKey] = "access: {auth: none}"
	for _, object := range []client.Object{role, policy, settings} {
		assert.NilError(t, c.Update(t.Context(), object))
	}
	assert.NilError(t, c.Delete(t.Context(), trusted))

	_, _, err = c.reconcile(t)
	assert.NilError(t, err)
	assert.Assert(t, c.has(t, "oras-clients", role))
	assert.DeepEqual(t, role.Rules[0].Verbs, []string{"pull", "push"})
	assert.Assert(t, c.has(t, "oras-registry", policy))
	assert.Assert(t, cmp.Len(policy.Spec.Ingress, 2))
	assert.Assert(t, c.has(t, "oras-registry", settings))
	assert.Equal(t, settings.Data[settingsKey], wanted)
	assert.Assert(t, c.has(t, "oras-ca", trusted))
}
