package certs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Keeper rotates the certificates and has the webhook configurations trust them. Only the leader runs it.
type Keeper struct {
	opts Options
}

// NewKeeper returns a keeper, or what is wrong with opts.
func NewKeeper(opts Options) (*Keeper, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Keeper{opts: opts}, nil
}

// NeedLeaderElection is true: two keepers would rotate against each other.
func (*Keeper) NeedLeaderElection() bool { return true }

// Start keeps the certificates until ctx ends. What goes wrong is logged and tried again.
func (k *Keeper) Start(ctx context.Context) error {
	every(ctx, k.opts.lifetime().Poll(), func() {
		if err := k.keep(ctx); err != nil && ctx.Err() == nil {
			k.opts.Log.Error("Keeping the webhook certificates did not work and is tried again.", "error", err)
		}
	})
	return nil
}

// keep takes the step of rotation that is due, if one is, and puts the authorities where they have to be.
func (k *Keeper) keep(ctx context.Context) error {
	secret, err := k.opts.store().load(ctx)
	if err != nil {
		return err
	}
	held, err := k.held(ctx, secret)
	if err != nil {
		return err
	}
	next, err := rotate(k.opts.Clock.Now(), k.opts.lifetime(), k.opts.host(), held)
	if err != nil {
		return fmt.Errorf("rotating the webhook certificates: %w", err)
	}
	if secret != nil && maps.EqualFunc(next.data(), held.data(), slices.Equal) {
		return k.opts.inject(ctx, next.Authorities)
	}
	told, err := k.told(ctx, held)
	if err != nil {
		return err
	}
	if !told { // the next step relies on it
		return k.opts.inject(ctx, held.Authorities)
	}
	if err := k.opts.store().save(ctx, secret, next.data()); err != nil {
		return err
	}
	k.opts.Log.Info("The webhook certificates were rotated.", "secret", k.opts.Secret)
	return k.opts.inject(ctx, next.Authorities)
}

// told tells whether every webhook trusts what a whole bundle has published. A broken one cannot be relied on, and is not waited
// for.
func (k *Keeper) told(ctx context.Context, held bundle) (bool, error) {
	if _, err := held.parse(); err != nil {
		return true, nil //nolint:nilerr // what is wrong with it is mended by the next one
	}
	webhooks, err := k.opts.trusts(ctx)
	return allTrust(webhooks, held.Authorities), err
}

// held is the bundle of the Secret. One that is lost or broken is taken to have had the authorities that webhooks trust, since
// replicas still serve what those have signed.
func (k *Keeper) held(ctx context.Context, secret *corev1.Secret) (bundle, error) {
	var held bundle
	if secret != nil {
		held = bundleOf(secret.Data)
	}
	if _, err := held.parse(); err == nil {
		return held, nil
	}
	webhooks, err := k.opts.trusts(ctx)
	if err != nil {
		return bundle{}, err
	}
	for _, t := range webhooks {
		if authorities, err := parseAuthorities(t.caBundle); err == nil {
			return bundle{Authorities: encodeAuthorities(authorities)}, nil
		}
	}
	return held, nil
}

// every calls do at once and then at each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
