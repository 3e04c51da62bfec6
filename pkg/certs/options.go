package certs

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Options say whose certificates these are. All fields without a default are required.
type Options struct {
	// Client reads and writes the cluster without a cache: it may only get, create and patch.
	Client client.Client
	// Log takes what happens to the certificates. Private keys are never logged.
	Log *slog.Logger
	// Namespace is that of the Secret and of the Service.
	Namespace string
	// Secret is the name of the Secret.
	Secret string
	// Service is the name of the Service by which the API server calls the webhooks.
	Service string
	// Mutating and Validating are the names of the webhook configurations that trust the authorities: all webhooks in them
	// do.
	Mutating, Validating []string
	// Lifetime is that of a serving certificate, at least [MinLifetime]. Default: [DefaultLifetime].
	Lifetime time.Duration
	// Clock tells the time. Default: the real one.
	Clock clock.PassiveClock
}

// withDefaults returns o with its defaults, or what is wrong with it.
func (o Options) withDefaults() (Options, error) {
	if o.Lifetime == 0 {
		o.Lifetime = DefaultLifetime
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Client == nil || o.Log == nil || o.Namespace == "" || o.Secret == "" || o.Service == "" {
		return o, errors.New("webhook certificates: a required option is missing")
	}
	if o.Lifetime < MinLifetime {
		return o, fmt.Errorf("webhook certificates: a lifetime of %s is below %s", o.Lifetime, MinLifetime)
	}
	return o, nil
}

// store is where the bundle is kept.
func (o Options) store() store {
	return store{o.Client, o.Namespace, o.Secret, corev1.SecretTypeTLS}
}

// host is the DNS name that the API server expects in a webhook's certificate.
func (o Options) host() string { return host(o.Namespace, o.Service) }

func host(namespace, service string) string { return fmt.Sprintf("%s.%s.svc", service, namespace) }

func (o Options) lifetime() Lifetime { return Lifetime(o.Lifetime) }
