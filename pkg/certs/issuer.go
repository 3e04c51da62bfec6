package certs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Issuer gives registries their certificates. Its authorities are not those of the webhooks: who trusts a registry has no reason to
// trust a webhook, nor the other way round. Only the leader uses it.
type Issuer struct {
	opts  IssuerOptions
	store store
}

// IssuerOptions say whose authorities these are. All fields without a default are required.
type IssuerOptions struct {
	// Client reads and writes the Secret without a cache: it may only get, create and patch.
	Client client.Client
	// Log takes what happens to the authorities. Private keys are never logged.
	Log *slog.Logger
	// Namespace and Secret are those of the Secret that holds the authorities.
	Namespace, Secret string
	// Lifetime is that of a registry's certificate, at least [MinLifetime]. Default: [DefaultLifetime].
	Lifetime time.Duration
	// Clock tells the time. Default: the real one.
	Clock clock.PassiveClock
}

// NewIssuer returns an issuer, or what is wrong with opts.
func NewIssuer(opts IssuerOptions) (*Issuer, error) {
	if opts.Lifetime == 0 {
		opts.Lifetime = DefaultLifetime
	}
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	if opts.Client == nil || opts.Log == nil || opts.Namespace == "" || opts.Secret == "" {
		return nil, errors.New("registry certificates: a required option is missing")
	}
	if opts.Lifetime < MinLifetime {
		return nil, fmt.Errorf("registry certificates: a lifetime of %s is below %s", opts.Lifetime, MinLifetime)
	}
	return &Issuer{opts, store{opts.Client, opts.Namespace, opts.Secret, corev1.SecretTypeOpaque}}, nil
}

// Issue returns what the Secret of a registry is to hold: a certificate for hosts, which are DNS names and IP addresses, in
// tls.crt and tls.key, and the authorities to trust it by in ca.crt, all PEM. held is what the Secret holds, which is nothing at
// first. What is good of it is returned as it is; its authorities are trusted until they expire.
func (i *Issuer) Issue(ctx context.Context, hosts []string, held map[string][]byte) (map[string][]byte, error) {
	own, err := i.authorities(ctx)
	if err != nil {
		return nil, err
	}
	return renew(i.opts.Clock.Now(), Lifetime(i.opts.Lifetime), hosts, own, held)
}

// authorities returns those that there are, after the step of rotation that is due, if one is.
func (i *Issuer) authorities(ctx context.Context) (authorities, error) {
	secret, err := i.store.load(ctx)
	if err != nil {
		return authorities{}, err
	}
	var held authorities
	if secret != nil {
		held = authoritiesOf(secret.Data)
	}
	next, err := held.rotate(i.opts.Clock.Now(), Lifetime(i.opts.Lifetime))
	if err != nil {
		return authorities{}, err
	}
	if maps.EqualFunc(next.data(), held.data(), slices.Equal) {
		return next, nil
	}
	if err := i.store.save(ctx, secret, next.data()); err != nil {
		return authorities{}, err
	}
	i.opts.Log.Info("The authorities of registries were rotated.", "secret", i.opts.Secret)
	return next, nil
}
