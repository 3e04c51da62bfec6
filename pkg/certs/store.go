package certs

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// load reads the Secret. It is nil, without an error, if there is none yet.
func (o Options) load(ctx context.Context) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := o.Client.Get(ctx, client.ObjectKey{Namespace: o.Namespace, Name: o.Secret}, secret)
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // "none yet" is an answer, not an error
	}
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", o.Secret, err)
	}
	return secret, nil
}

// save writes b. old is the Secret as it was read, nil if there was none: if it has changed since then, nothing is written
// and the error says so, so that a leader of yesterday does not undo the work of today's.
func (o Options) save(ctx context.Context, old *corev1.Secret, b Bundle) error {
	if old == nil {
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Secret},
			Type:       corev1.SecretTypeTLS,
			Data:       b.data(),
		}
		if err := o.Client.Create(ctx, secret); err != nil {
			return fmt.Errorf("creating Secret %s: %w", o.Secret, err)
		}
		return nil
	}
	secret := old.DeepCopy()
	secret.Data = b.data()
	patch := client.MergeFromWithOptions(old, client.MergeFromWithOptimisticLock{})
	if err := o.Client.Patch(ctx, secret, patch); err != nil {
		return fmt.Errorf("writing Secret %s: %w", o.Secret, err)
	}
	return nil
}
