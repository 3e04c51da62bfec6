package controller

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// settingError says that the spec cannot be met as it is, for which reason of the Ready condition, and what to do.
type settingError struct{ reason, text string }

func (e *settingError) Error() string { return e.text }

// given returns the data of a Secret that field of the spec names, which must have keys.
func (r *Reconciler) given(ctx context.Context, cache *v1alpha1.OrasCache, field, name string, keys ...string) (map[string][]byte, error) {
	there := &corev1.Secret{}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: cache.Namespace, Name: name}, there)
	if apierrors.IsNotFound(err) {
		return nil, &settingError{v1alpha1.ReasonSecretMissing, fmt.Sprintf(
			"There is no Secret %s, which %s names: create it, with %s.", name, field, strings.Join(keys, " and "))}
	}
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	for _, key := range keys {
		if len(there.Data[key]) == 0 {
			return nil, &settingError{v1alpha1.ReasonSecretMissing, fmt.Sprintf(
				"Secret %s, which %s names, has no %s: it needs %s.", name, field, key, strings.Join(keys, " and "))}
		}
	}
	return there.Data, nil
}

// ownSecret returns the data of a Secret of the cache, which is nothing if there is none yet. What is in one of somebody else is
// not used; applying it will tell.
func (r *Reconciler) ownSecret(ctx context.Context, cache *v1alpha1.OrasCache, name string) (map[string][]byte, error) {
	there := &corev1.Secret{}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: cache.Namespace, Name: name}, there)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	if err != nil || !metav1.IsControlledBy(there, cache) {
		return nil, nil //nolint:nilnil // "nothing yet" is an answer, not an error
	}
	return there.Data, nil
}

// applySecret makes the Secret of the registry, with a new secret in it if it has none.
func (r *Reconciler) applySecret(ctx context.Context, cache *v1alpha1.OrasCache) error {
	held, err := r.ownSecret(ctx, cache, registryName(cache))
	if err != nil {
		return err
	}
	value := held[secretKey]
	if len(value) == 0 {
		value = []byte(rand.Text())
	}
	return r.apply(ctx, cache, secret(cache, registryName(cache), corev1.SecretTypeOpaque, map[string][]byte{secretKey: value}))
}

// parseCertificate reads the first certificate of a series, as PEM.
func parseCertificate(series []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(series)
	if block == nil {
		return nil, errors.New("there is no certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}
