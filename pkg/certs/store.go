package certs

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// store is the Secret that keys and certificates are kept in.
type store struct {
	client          client.Client
	namespace, name string
	kind            corev1.SecretType
}

// load reads the Secret. It is nil, without an error, if there is none yet.
func (s store) load(ctx context.Context) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := s.client.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: s.name}, secret)
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // "none yet" is an answer, not an error
	}
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", s.name, err)
	}
	return secret, nil
}

// save writes data. old is the Secret as it was read, nil if there was none: if it has changed since then, nothing is written
// and the error says so, so that a leader of yesterday does not undo the work of today's.
func (s store) save(ctx context.Context, old *corev1.Secret, data map[string][]byte) error {
	if old == nil {
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.name},
			Type:       s.kind,
			Data:       data,
		}
		if err := s.client.Create(ctx, secret); err != nil {
			return fmt.Errorf("creating Secret %s: %w", s.name, err)
		}
		return nil
	}
	secret := old.DeepCopy()
	secret.Data = data
	patch := client.MergeFromWithOptions(old, client.MergeFromWithOptimisticLock{})
	if err := s.client.Patch(ctx, secret, patch); err != nil {
		return fmt.Errorf("writing Secret %s: %w", s.name, err)
	}
	return nil
}
