package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/converged-computing/oras-operator/pkg/certs"
)

// certificate is what the webhooks of every replica serve. It runs to follow it, and is ready once calls may come here.
type certificate interface {
	manager.Runnable
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Ready() error
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

// newCertificates returns the certificate of the webhooks and what keeps it: nothing, where somebody else does.
func newCertificates(cluster *rest.Config, scheme *runtime.Scheme, opts *managerOptions, log *slog.Logger) (certificate, []manager.Runnable, error) {
	if opts.certDir != "" {
		return certs.NewFiles(opts.certDir, opts.namespace, webhookService, log), nil, nil
	}
	// Secrets may not be listed or watched, so this client is one without a cache.
	direct, err := client.New(cluster, client.Options{Scheme: scheme})
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to the cluster: %w", err)
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
		return nil, nil, err
	}
	source, err := certs.NewSource(own)
	if err != nil {
		return nil, nil, err
	}
	return source, []manager.Runnable{keeper}, nil
}
