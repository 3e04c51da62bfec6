//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/webhook"
)

func TestTheOperatorReadsPullSecretsJustWhereItMay(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	assert.NilError(t, c.Create(within(t), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "pull", Namespace: ns},
		Type:       corev1.SecretTypeDockerConfigJson,
		Data:       map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{}}`)},
	}))
	pod := marked(ns)
	pod.Spec.Containers[0].Command = nil
	pod.Spec.Containers[0].Image = "registry.invalid/private:1"
	pod.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}}
	const mayNot = `the operator may not read Secret "pull"`
	assert.ErrorContains(t, c.try(t, pod.DeepCopy()), mayNot)

	assert.NilError(t, c.Create(within(t), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: webhook.PullSecretsRole, Namespace: ns},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: webhook.PullSecretsRole},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: webhook.PullSecretsUser}},
	}))
	await(t, "the Secret is read", func(ctx context.Context) (bool, error) {
		err := c.Create(ctx, pod.DeepCopy(), client.DryRunAll)
		return err != nil && strings.Contains(err.Error(), "registry.invalid") && !strings.Contains(err.Error(), mayNot), nil
	})
}
