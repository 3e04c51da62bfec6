package certs

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fieldOwner is the name under which the caBundle fields are owned, and nothing else.
const fieldOwner = client.FieldOwner("oras-operator-certs")

// configuration is a webhook configuration of either kind.
type configuration struct {
	kind, name string
	// read returns what each of its webhooks trusts now.
	read func(context.Context, client.Client) ([]trust, error)
	// want is the configuration with a caBundle in each of the webhooks named, and nothing else.
	want func(webhooks []string, caBundle []byte) runtime.ApplyConfiguration
}

// trust is which authorities one webhook trusts.
type trust struct {
	webhook    string
	caBundle   []byte
	passedOver bool // a call that fails is as if it had not been made
}

// configurations are all that o names, those last that replicas wait for: see [Source.Ready].
func (o Options) configurations() []configuration {
	var all []configuration
	for _, name := range o.Validating {
		all = append(all, validating(name))
	}
	for _, name := range o.Mutating {
		all = append(all, mutating(name))
	}
	return all
}

// inject makes every webhook of the configurations trust authorities. What goes wrong with one does not keep it from the rest.
func (o Options) inject(ctx context.Context, authorities []byte) error {
	var wrong []error
	for _, c := range o.configurations() {
		wrong = append(wrong, o.injectInto(ctx, c, authorities))
	}
	return errors.Join(wrong...)
}

func (o Options) injectInto(ctx context.Context, c configuration, authorities []byte) error {
	found, err := o.read(ctx, c)
	if err != nil || allTrust(found, authorities) {
		return err
	}
	names := make([]string, 0, len(found))
	for _, t := range found {
		names = append(names, t.webhook)
	}
	if err := o.Client.Apply(ctx, c.want(names, authorities), fieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("applying the authorities to %s %s: %w", c.kind, c.name, err)
	}
	o.Log.Info("The webhooks trust the current authorities.", "kind", c.kind, "name", c.name)
	return nil
}

// trusts reads what every webhook of every configuration trusts.
func (o Options) trusts(ctx context.Context) ([]trust, error) {
	var all []trust
	for _, c := range o.configurations() {
		found, err := o.read(ctx, c)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// read returns what the webhooks of a configuration trust: of one that is not there, which asks nobody, none.
func (o Options) read(ctx context.Context, c configuration) ([]trust, error) {
	found, err := c.read(ctx, o.Client)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", c.kind, c.name, err)
	}
	return found, nil
}

// allTrust tells whether every webhook trusts just those authorities.
func allTrust(webhooks []trust, authorities []byte) bool {
	for _, t := range webhooks {
		if !bytes.Equal(t.caBundle, authorities) {
			return false
		}
	}
	return true
}
