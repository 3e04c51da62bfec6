package controller

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Such an image may read its certificate only once.
func TestACertificateRollsOutToAForeignImage(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(func(cache *v1alpha1.OrasCache) {
		cache.Spec.Image = "registry:3"
		cache.Spec.TLS.Enabled = true
	}))
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	_, before := c.change(t, cache, nothing)
	c.reconciler.issuer.(*issuer).renew = true
	_, after := c.change(t, cache, nothing)
	assert.Assert(t, after != before)
}

func TestWhatIsWrongWithASecretIsSaid(t *testing.T) {
	other := selfSigned(t, "other.flow.svc")
	for name, tc := range map[string]struct {
		change             func(*v1alpha1.OrasCache)
		secret             map[string][]byte
		wantReason, wantIn string
	}{
		"it is not there": {
			change:     func(c *v1alpha1.OrasCache) { c.Spec.TLS = v1alpha1.TLSSpec{Enabled: true, SecretName: "absent"} },
			wantReason: v1alpha1.ReasonSecretMissing, wantIn: "There is no Secret absent, which spec.tls.secretName names",
		},
		"it lacks a key": {
			change:     func(c *v1alpha1.OrasCache) { c.Spec.TLS = v1alpha1.TLSSpec{Enabled: true, SecretName: "given"} },
			secret:     map[string][]byte{tlsCertKey: []byte("x")},
			wantReason: v1alpha1.ReasonSecretMissing, wantIn: "has no tls.key",
		},
		"its certificate is for another host": {
			change:     func(c *v1alpha1.OrasCache) { c.Spec.TLS = v1alpha1.TLSSpec{Enabled: true, SecretName: "given"} },
			secret:     other,
			wantReason: v1alpha1.ReasonCertificateInvalid, wantIn: "not oras.flow.svc",
		},
		"its certificate is none": {
			change:     func(c *v1alpha1.OrasCache) { c.Spec.TLS = v1alpha1.TLSSpec{Enabled: true, SecretName: "given"} },
			secret:     map[string][]byte{tlsCertKey: []byte("x"), tlsKeyKey: []byte("y")},
			wantReason: v1alpha1.ReasonCertificateInvalid, wantIn: "cannot be used",
		},
		"it has no users": {
			change: func(c *v1alpha1.OrasCache) {
				c.Spec.Auth, c.Spec.HtpasswdSecretName = v1alpha1.AuthHtpasswd, "given"
			},
			secret:     map[string][]byte{"users": []byte("x")},
			wantReason: v1alpha1.ReasonSecretMissing, wantIn: "Secret given, which spec.htpasswdSecretName names, has no htpasswd",
		},
		"it has no credentials of the bucket": {
			change: func(c *v1alpha1.OrasCache) {
				c.Spec.Storage.S3 = &v1alpha1.S3Spec{Bucket: "artifacts", SecretName: "given"}
			},
			secret:     map[string][]byte{"key": []byte("x")},
			wantReason: v1alpha1.ReasonSecretMissing, wantIn: "has no AWS_ACCESS_KEY_ID",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, interceptor.Funcs{}, newCache(tc.change),
				&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "flow", Name: "given"}, Data: tc.secret})
			cache, result, err := c.reconcile(t)
			assert.NilError(t, err)
			assert.Equal(t, reasonOf(cache), tc.wantReason)
			assert.Assert(t, cmp.Contains(cache.Status.Conditions[0].Message, tc.wantIn))
			assert.Assert(t, result.RequeueAfter > 0)
		})
	}
}

func TestACertificateThatCannotBeIssuedIsTriedAgain(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(func(cache *v1alpha1.OrasCache) { cache.Spec.TLS.Enabled = true }))
	trouble := errors.New("no entropy")
	c.reconciler.issuer.(*issuer).failure = trouble
	cache, _, err := c.reconcile(t)
	assert.Assert(t, errors.Is(err, trouble))
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonRetrying)

	c.reconciler.issuer = nil
	cache, _, err = c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonUnsupported)
}

func TestAnIssuedCertificateIsLookedAtInTime(t *testing.T) {
	cache := newCache(func(cache *v1alpha1.OrasCache) { cache.Spec.TLS.Enabled = true })
	long := selfSigned(t, "oras.flow.svc")[tlsCertKey]
	assert.Equal(t, lookAgain(cache, long), lookAgainIssued)
	assert.Equal(t, lookAgain(newCache(nil), nil), time.Duration(0))
	cache.Spec.TLS.SecretName = "mine"
	assert.Equal(t, lookAgain(cache, long), lookAgainGiven)
}

// Each of these once kept the certificate of a registry that runs from being renewed, until nobody could use it.
func TestACertificateIsRenewedWhateverElseIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		change     func(*v1alpha1.OrasCache)
		wantReason string
	}{
		"the storage cannot move": {
			func(c *v1alpha1.OrasCache) { c.Spec.Storage.Ephemeral = true }, v1alpha1.ReasonStorageFixed,
		},
		"the claim cannot shrink": {
			func(c *v1alpha1.OrasCache) { c.Spec.Storage.Size = new(resource.MustParse("1Gi")) }, v1alpha1.ReasonStorageFixed,
		},
		"a Secret is missing": {
			func(c *v1alpha1.OrasCache) {
				c.Spec.Auth, c.Spec.HtpasswdSecretName = v1alpha1.AuthHtpasswd, "absent"
			}, v1alpha1.ReasonSecretMissing,
		},
		"the schedule is none": {
			func(c *v1alpha1.OrasCache) { c.Spec.GC.Schedule = new("@every 1x") }, v1alpha1.ReasonUnsupported,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, interceptor.Funcs{}, newCache(func(cache *v1alpha1.OrasCache) { cache.Spec.TLS.Enabled = true }))
			cache, _, err := c.reconcile(t)
			assert.NilError(t, err)
			before, after, published := &corev1.Secret{}, &corev1.Secret{}, &corev1.ConfigMap{}
			assert.Assert(t, c.has(t, "oras-tls", before))

			c.reconciler.issuer.(*issuer).renew = true
			cache, _ = c.change(t, cache, tc.change)
			assert.Equal(t, reasonOf(cache), tc.wantReason)
			assert.Assert(t, c.has(t, "oras-tls", after))
			assert.Assert(t, !bytes.Equal(after.Data[tlsCertKey], before.Data[tlsCertKey]))
			assert.Assert(t, c.has(t, cache.CASource(), published))
			assert.Equal(t, published.Data[v1alpha1.CAKey], string(after.Data[tlsCAKey]))
		})
	}
}

// Nothing else would tell why no step gets through any more.
func TestACertificateThatHasExpiredIsComplainedOf(t *testing.T) {
	given := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "flow", Name: "given"}}
	given.Data = signedUntil(t, time.Now().Add(-time.Minute), "oras.flow.svc")
	c := newCluster(t, interceptor.Funcs{}, given, newCache(func(cache *v1alpha1.OrasCache) {
		cache.Spec.TLS = v1alpha1.TLSSpec{Enabled: true, SecretName: "given"}
	}))
	cache, result, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonCertificateInvalid)
	assert.Assert(t, cmp.Contains(cache.Status.Conditions[0].Message, "expired at 2"))
	assert.Assert(t, result.RequeueAfter > 0)
	assert.Assert(t, c.has(t, "oras", &appsv1.StatefulSet{}), "all else goes on")

	given.Data = selfSigned(t, "oras.flow.svc")
	assert.NilError(t, c.Update(t.Context(), given))
	cache, _, err = c.reconcile(t)
	assert.NilError(t, err)
	assert.Assert(t, reasonOf(cache) != v1alpha1.ReasonCertificateInvalid)
}
