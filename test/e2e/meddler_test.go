//go:build e2e

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/inject"
)

// meddler is the name of what belongs to a webhook that changes the pods of one namespace after the operator did.
const meddler = "meddler"

func TestE49WhatAnotherWebhookBreaksIsMendedOrDenied(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]struct {
		verb  string
		again admissionregistrationv1.ReinvocationPolicyType // whether the other one insists
		want  string                                         // of the error; empty: the pod is whole
	}{
		"restartPolicy is taken away":   {verb: "strip", again: admissionregistrationv1.NeverReinvocationPolicy},
		"init containers are reordered": {verb: "reverse", again: admissionregistrationv1.NeverReinvocationPolicy},
		"restartPolicy is taken away, whatever anybody does": {
			verb: "strip", again: admissionregistrationv1.IfNeededReinvocationPolicy,
			want: `init container "oras" has no restartPolicy Always, and would never let the pod start; another admission webhook has changed the pod`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, ns := withCache(t, nil)
			before := marked(ns)
			assert.NilError(t, c.try(t, before))
			c.meddle(t, ns, how.verb, how.again)
			pod := marked(ns)
			err := c.try(t, pod)
			if how.want != "" {
				assert.ErrorContains(t, err, how.want)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, inject.Damage(pod.Spec), "")
			assert.DeepEqual(t, pod.Spec.Containers[0].Command, before.Spec.Containers[0].Command)
		})
	}
}

// meddle has a webhook of somebody else's change every pod of a namespace, and returns once it does.
func (c *cluster) meddle(t *testing.T, ns, verb string, again admissionregistrationv1.ReinvocationPolicyType) {
	t.Helper()
	certificate, key := selfSigned(t, meddler+"."+ns+".svc")
	meta := metav1.ObjectMeta{Name: meddler, Namespace: ns, Labels: map[string]string{"app": meddler}}
	config := &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "zz-" + meddler + "-" + ns}, // webhooks are called by the order of these names
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: meddler + ".example.org",
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				Service:  &admissionregistrationv1.ServiceReference{Namespace: ns, Name: meddler, Port: ptr.To[int32](8443)},
				CABundle: certificate,
			},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
			NamespaceSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: ns}},
			FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
			ReinvocationPolicy:      &again,
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			AdmissionReviewVersions: []string{"v1"},
		}},
	}
	t.Cleanup(func() { assert.Check(t, client.IgnoreNotFound(c.Delete(cleanupContext(), config))) })
	for _, object := range []client.Object{
		&corev1.Secret{ObjectMeta: meta, Data: map[string][]byte{"tls.crt": certificate, "tls.key": key}},
		&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
			Selector: meta.Labels, Ports: []corev1.ServicePort{{Port: 8443, TargetPort: intstr.FromInt32(8443)}},
		}},
		&corev1.Pod{ObjectMeta: meta, Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			Containers: []corev1.Container{{
				Name: "app", Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{"/app", "meddle", "/tls", verb},
				VolumeMounts: []corev1.VolumeMount{{Name: "tls", MountPath: "/tls"}},
			}},
			Volumes: []corev1.Volume{{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: meddler}}}},
		}},
		config,
	} {
		assert.NilError(t, c.Create(within(t), object))
	}
	probe := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "probe", Namespace: ns}, Spec: corev1.PodSpec{
		InitContainers: []corev1.Container{
			{Name: "first", Image: image, RestartPolicy: ptr.To(corev1.ContainerRestartPolicyAlways)},
			{Name: "second", Image: image},
		},
		Containers: []corev1.Container{{Name: "app", Image: image}},
	}}
	await(t, "the other webhook changes pods", func(ctx context.Context) (bool, error) {
		seen := probe.DeepCopy()
		err := c.Create(ctx, seen, client.DryRunAll) // which fails while that webhook starts
		first := slices.IndexFunc(seen.Spec.InitContainers, func(container corev1.Container) bool { return container.Name == "first" })
		return err == nil && (first != 0 || seen.Spec.InitContainers[0].RestartPolicy == nil), nil
	})
}

// selfSigned makes a certificate for a name, and its key, in PEM.
func selfSigned(t *testing.T, name string) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	assert.NilError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	assert.NilError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}
