package webhook

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/authn/kubernetes"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A pod names as many Secrets as its author likes, each of 1 MiB. Nobody else is to wait for them, or to go without memory.
const (
	maxPullSecrets    = 16       // read for an image
	maxPullSecretSize = 32 << 10 // bytes
	readingAtOnce     = 8        // images for which Secrets are read at a time
)

// keychain opens the registries that the nodes could pull a pod's images from, as far as the operator may read the Secrets for it.
// It says what it could not read.
func (c commands) keychain(ctx context.Context, namespace string, pod corev1.PodSpec) (keys authn.Keychain, missing []string, err error) {
	if err := c.reading.Acquire(ctx, 1); err != nil {
		return nil, nil, fmt.Errorf("reading the imagePullSecrets: too many are read at once: %w", err)
	}
	defer c.reading.Release(1)
	secrets, missing := c.pullSecrets(ctx, namespace, pod)
	keys, err = kubernetes.NewFromPullSecrets(ctx, secrets)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the imagePullSecrets: %w", err)
	}
	return keys, missing, nil
}

// pullSecrets returns the Secrets by which the nodes would pull the images of a pod, as far as the operator may read them,
// and what it could not.
func (c commands) pullSecrets(ctx context.Context, namespace string, pod corev1.PodSpec) (secrets []corev1.Secret, missing []string) {
	references, err := c.references(ctx, namespace, pod)
	if err != nil {
		missing = append(missing, err.Error())
	}
	names, all := first(references, maxPullSecrets)
	if !all {
		missing = append(missing, fmt.Sprintf("no more than %d imagePullSecrets are read", maxPullSecrets))
	}
	for _, name := range names {
		var secret corev1.Secret
		err := c.secrets.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &secret)
		switch {
		case ctx.Err() != nil:
			return secrets, append(missing, fmt.Sprintf("reading Secret %q took too long", name))
		case apierrors.IsForbidden(err):
			missing = append(missing, unreadable(namespace, name))
		case apierrors.IsNotFound(err): // the nodes pass over it too
		case err != nil:
			missing = append(missing, fmt.Sprintf("reading Secret %q: %v", name, err))
		case size(secret) > maxPullSecretSize:
			missing = append(missing, fmt.Sprintf("Secret %q has more than %d bytes", name, maxPullSecretSize))
		default:
			secrets = append(secrets, secret)
		}
	}
	return secrets, missing
}

func size(secret corev1.Secret) (bytes int) {
	for _, value := range secret.Data {
		bytes += len(value)
	}
	return bytes
}

// references are the imagePullSecrets of the pod, or else of its ServiceAccount, which Kubernetes gives to a pod without any.
func (c commands) references(ctx context.Context, namespace string, pod corev1.PodSpec) ([]corev1.LocalObjectReference, error) {
	if len(pod.ImagePullSecrets) > 0 {
		return pod.ImagePullSecrets, nil
	}
	name := cmp.Or(pod.ServiceAccountName, "default")
	var account corev1.ServiceAccount
	err := c.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &account)
	switch {
	case apierrors.IsNotFound(err): // it may be made later than the Job
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading ServiceAccount %q: %w", name, err)
	}
	return account.ImagePullSecrets, nil
}

// first returns the first few names among references, each once, and whether these are all.
func first(references []corev1.LocalObjectReference, few int) (names []string, all bool) {
	for _, reference := range references {
		switch {
		case slices.Contains(names, reference.Name):
		case len(names) == few:
			return names, false
		default:
			names = append(names, reference.Name)
		}
	}
	return names, true
}
