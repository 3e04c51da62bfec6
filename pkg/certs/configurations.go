package certs

import (
	"context"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	applyadmission "k8s.io/client-go/applyconfigurations/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// mutating is the MutatingWebhookConfiguration of that name.
func mutating(name string) configuration {
	return configuration{
		kind: "MutatingWebhookConfiguration",
		name: name,
		read: func(ctx context.Context, c client.Client) ([]trust, error) {
			cfg := &admissionv1.MutatingWebhookConfiguration{}
			if err := c.Get(ctx, client.ObjectKey{Name: name}, cfg); err != nil {
				return nil, err
			}
			found := make([]trust, 0, len(cfg.Webhooks))
			for _, w := range cfg.Webhooks {
				found = append(found, trust{w.Name, w.ClientConfig.CABundle, isPassedOver(w.FailurePolicy)})
			}
			return found, nil
		},
		want: func(webhooks []string, caBundle []byte) runtime.ApplyConfiguration {
			cfg := applyadmission.MutatingWebhookConfiguration(name)
			for _, webhook := range webhooks {
				cfg.WithWebhooks(applyadmission.MutatingWebhook().WithName(webhook).WithClientConfig(trusting(caBundle)))
			}
			return cfg
		},
	}
}

// validating is the ValidatingWebhookConfiguration of that name.
func validating(name string) configuration {
	return configuration{
		kind: "ValidatingWebhookConfiguration",
		name: name,
		read: func(ctx context.Context, c client.Client) ([]trust, error) {
			cfg := &admissionv1.ValidatingWebhookConfiguration{}
			if err := c.Get(ctx, client.ObjectKey{Name: name}, cfg); err != nil {
				return nil, err
			}
			found := make([]trust, 0, len(cfg.Webhooks))
			for _, w := range cfg.Webhooks {
				found = append(found, trust{w.Name, w.ClientConfig.CABundle, isPassedOver(w.FailurePolicy)})
			}
			return found, nil
		},
		want: func(webhooks []string, caBundle []byte) runtime.ApplyConfiguration {
			cfg := applyadmission.ValidatingWebhookConfiguration(name)
			for _, webhook := range webhooks {
				cfg.WithWebhooks(applyadmission.ValidatingWebhook().WithName(webhook).WithClientConfig(trusting(caBundle)))
			}
			return cfg
		},
	}
}

// isPassedOver tells whether calls that fail are; where nothing is said, they are not.
func isPassedOver(policy *admissionv1.FailurePolicyType) bool {
	return policy != nil && *policy == admissionv1.Ignore
}

func trusting(caBundle []byte) *applyadmission.WebhookClientConfigApplyConfiguration {
	return applyadmission.WebhookClientConfig().WithCABundle(caBundle...)
}
