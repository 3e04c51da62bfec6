package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/converged-computing/oras-operator/pkg/certs"
)

// certificates are what the webhooks of every replica serve, and what keeps it: nil, where somebody else does.
type certificates struct {
	served certificate
	keeper manager.Runnable
}

// certificate runs to follow what is to be served, and is ready once calls may come here.
type certificate interface {
	manager.Runnable
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Ready() error
}

// add has the manager run c, and be ready only when c is.
func (c certificates) add(mgr manager.Manager) error {
	for _, part := range []manager.Runnable{c.keeper, c.served} {
		if part == nil {
			continue
		}
		if err := mgr.Add(part); err != nil {
			return fmt.Errorf("adding the certificates: %w", err)
		}
	}
	trusted := func(*http.Request) error { return c.served.Ready() }
	if err := mgr.AddReadyzCheck("webhook-certificate", trusted); err != nil {
		return fmt.Errorf("adding a probe: %w", err)
	}
	return nil
}

// newIssuer returns what gives registries their certificates.
func newIssuer(cluster *rest.Config, scheme *runtime.Scheme, opts *managerOptions, log *slog.Logger) (*certs.Issuer, error) {
	direct, err := client.New(cluster, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return certs.NewIssuer(certs.IssuerOptions{
		Client:    direct,
		Log:       log,
		Namespace: opts.namespace,
		Secret:    registrySecret,
		Lifetime:  opts.registryCertLifetime,
	})
}

// newCertificates returns the certificates of the webhooks.
func newCertificates(cluster *rest.Config, scheme *runtime.Scheme, opts *managerOptions, log *slog.Logger) (certificates, error) {
	if opts.certDir != "" {
		return certificates{served: certs.NewFiles(opts.certDir, opts.namespace, webhookService, log)}, nil
	}
	// Secrets may not be listed or watched, so this client is one without a cache.
	direct, err := client.New(cluster, client.Options{Scheme: scheme})
	if err != nil {
		return certificates{}, fmt.Errorf("connecting to the cluster: %w", err)
	}
	own := certs.Options{
		Client:     direct,
		Log:        log,
		Namespace:  opts.namespace,
		Secret:     webhookSecret,
		Service:    webhookService,
		Mutating:   []string{webhookConfigurations},
		Validating: []string{webhookConfigurations},
		Lifetime:   opts.certLifetime,
	}
	keeper, err := certs.NewKeeper(own)
	if err != nil {
		return certificates{}, err
	}
	source, err := certs.NewSource(own)
	if err != nil {
		return certificates{}, err
	}
	return certificates{source, keeper}, nil
}
