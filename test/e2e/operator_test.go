//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/webhook"
	"github.com/converged-computing/oras-operator/test/harness"
)

// The operator's webhooks, as config/ names what they need.
const (
	webhookService = "oras-operator-webhook"
	webhookSecret  = "oras-operator-webhook-cert"
)

// No other test runs meanwhile.
func TestE57WhileTheOperatorIsDownOnlyMarkedPodsAreHeldBack(t *testing.T) {
	c, ns := withCache(t, nil)
	finally(t, func(ctx context.Context) error { return c.scaleOperator(ctx, 2) })
	assert.NilError(t, c.scaleOperator(within(t), 0))

	unmarked := marked(ns)
	unmarked.Name, unmarked.Labels = "unmarked", nil
	assert.NilError(t, c.Create(within(t), unmarked), "a webhook that was asked would have denied it")

	step := job{name: "step", labels: keys{"oras-cache": "oras", "output-uri": "x"}, args: []string{"identity"}}.object(ns)
	for _, object := range []client.Object{marked(ns), step} {
		err := c.try(t, object)
		assert.ErrorContains(t, err, webhookService+"."+harness.OperatorNamespace+".svc")
		assert.ErrorContains(t, err, webhook.Hint)
	}
	template := corev1.PodTemplateSpec{ObjectMeta: *marked(ns).ObjectMeta.DeepCopy(), Spec: marked(ns).Spec}
	template.Name, template.Namespace = "", ""
	template.Labels["app"] = "late"
	template.Spec.RestartPolicy = corev1.RestartPolicyAlways
	late := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "late", Namespace: ns}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "late"}}, Template: template,
	}}
	assert.NilError(t, c.Create(within(t), late), "what makes pods is not held back, only its pods are")
	await(t, "the pods of a Deployment are held back", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(late), late)
		for _, condition := range late.Status.Conditions {
			if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue {
				return true, err
			}
		}
		return false, err
	})

	assert.NilError(t, c.scaleOperator(within(t), 2))
	await(t, "marked pods are created again", func(ctx context.Context) (bool, error) {
		return c.Create(ctx, marked(ns), client.DryRunAll) == nil, nil
	})
	await(t, "the Deployment has its pod, without a hand", func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		err := c.List(ctx, &pods, client.InNamespace(ns), client.MatchingLabels{"app": "late"})
		return len(pods.Items) > 0 && inject.Damage(pods.Items[0].Spec) == "", err
	})
}

// The suite installs an operator whose certificates are replaced every minute. ROTATIONS is how many are waited for.
func TestE58CertificatesAreReplacedWhileMarkedPodsAreCreated(t *testing.T) {
	t.Parallel()
	wanted, err := strconv.Atoi(os.Getenv("ROTATIONS"))
	if err != nil {
		wanted = 3
	}
	c, ns := withCache(t, nil)
	served := c.certificate(t)
	began, created := time.Now(), 0
	for rotations := 0; rotations < wanted; {
		limit := time.Duration(wanted+2) * 90 * time.Second
		assert.Assert(t, time.Since(began) < limit, "%d of %d certificates in %s: is the operator installed with --webhook-cert-lifetime=3m?", rotations, wanted, limit)
		for range 20 {
			pod := marked(ns)
			pod.Name = fmt.Sprintf("marked-%d", created)
			assert.NilError(t, c.try(t, pod), "after %d pods, %d rotations and %s", created, rotations, time.Since(began))
			assert.Equal(t, inject.Damage(pod.Spec), "")
			created++
			time.Sleep(25 * time.Millisecond) // a steady stream, which leaves the cluster to others
		}
		if now := c.certificate(t); now != served {
			served = now
			rotations++
		}
	}
	t.Logf("%d pods, %d rotations in %s, none denied", created, wanted, time.Since(began).Round(time.Second))
}

// certificate is what the webhooks are to serve now.
func (c *cluster) certificate(t *testing.T) string {
	t.Helper()
	secret := &corev1.Secret{}
	assert.NilError(t, c.Get(within(t), client.ObjectKey{Namespace: harness.OperatorNamespace, Name: webhookSecret}, secret))
	return string(secret.Data[corev1.TLSCertKey])
}

// scaleOperator has so many replicas of the operator, and returns once there are just so many, and the API server knows.
func (c *cluster) scaleOperator(ctx context.Context, replicas int32) error {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: harness.OperatorNamespace, Name: harness.OperatorName}}
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))
	if err := c.Patch(ctx, deployment, patch); err != nil {
		return err
	}
	return c.operatorHas(ctx, replicas)
}

// operatorHas waits until so many replicas of the operator serve, and there are no others.
func (c *cluster) operatorHas(ctx context.Context, replicas int32) error {
	return harness.Await(ctx, fmt.Sprintf("the operator has %d replicas", replicas), func(ctx context.Context) (bool, error) {
		deployment := &appsv1.Deployment{}
		if err := c.Get(ctx, client.ObjectKey{Namespace: harness.OperatorNamespace, Name: harness.OperatorName}, deployment); err != nil {
			return false, err
		}
		var pods corev1.PodList
		err := c.List(ctx, &pods, client.InNamespace(harness.OperatorNamespace), client.MatchingLabels(deployment.Spec.Selector.MatchLabels))
		s := deployment.Status
		return s.ObservedGeneration >= deployment.Generation && ptr.Deref(deployment.Spec.Replicas, 1) == replicas && s.ReadyReplicas == replicas &&
			s.UpdatedReplicas == replicas && len(pods.Items) == int(replicas), err
	})
}
