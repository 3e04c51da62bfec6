package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// firstPoll is how often a replica looks for the certificate until it is ready for the first time.
const firstPoll = time.Second

// ErrNoCertificate says that this replica has not read a certificate yet.
var ErrNoCertificate = errors.New("there is no webhook certificate yet")

// Source gives this replica the serving certificate. Every replica runs one.
type Source struct {
	opts    Options
	current atomic.Pointer[served]
}

// served is what was last read.
type served struct {
	certificate tls.Certificate
	trusted     [][]byte // the caBundle of each webhook whose calls must not fail
}

// NewSource returns a source, or what is wrong with opts. It has no certificate until [Source.Start] runs.
func NewSource(opts Options) (*Source, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Source{opts: opts}, nil
}

// NeedLeaderElection is false: every replica serves.
func (*Source) NeedLeaderElection() bool { return false }

// Start follows the Secret and the webhook configurations until ctx ends, by reading them now and then: a watch would need
// the right to list Secrets. While they cannot be read, what was last read is served.
func (s *Source) Start(ctx context.Context) error {
	starting, started := context.WithCancel(ctx)
	defer started()
	every(starting, min(firstPoll, s.opts.lifetime().Poll()), func() {
		s.refresh(ctx)
		if s.Ready() == nil {
			started()
		}
	})
	if ctx.Err() == nil {
		s.opts.Log.Info("The webhook certificate is served and trusted.", "host", s.opts.host())
	}
	every(ctx, s.opts.lifetime().Poll(), func() { s.refresh(ctx) })
	return nil
}

// refresh is [Source.Refresh] with its error logged.
func (s *Source) refresh(ctx context.Context) {
	if err := s.Refresh(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrNoCertificate) {
		s.opts.Log.Error("Reading the webhook certificate did not work and is tried again.", "error", err)
	}
}

// Refresh reads the Secret and the webhook configurations once.
func (s *Source) Refresh(ctx context.Context) error {
	secret, err := s.opts.store().load(ctx)
	if err != nil {
		return err
	}
	if secret == nil {
		return ErrNoCertificate
	}
	held, err := bundleOf(secret.Data).parse()
	if err != nil {
		return fmt.Errorf("reading Secret %s: %w", s.opts.Secret, err)
	}
	webhooks, err := s.opts.trusts(ctx)
	if err != nil {
		return err
	}
	next := &served{certificate: held.serving}
	for _, t := range webhooks {
		if !t.passedOver {
			next.trusted = append(next.trusted, t.caBundle)
		}
	}
	s.current.Store(next)
	return nil
}

// GetCertificate returns the certificate to serve, for [tls.Config]. Its error is [ErrNoCertificate].
func (s *Source) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := s.current.Load()
	if now == nil {
		return nil, ErrNoCertificate
	}
	return &now.certificate, nil
}

// Ready returns nil if the API server will accept the certificate that is served, for every webhook whose failures it does not
// pass over: it is valid now, made for the Service, and signed by an authority that the webhook's configuration trusts. Only
// then should calls come here. The others are not waited for: in an upgrade, the leader may not know of them yet, and is not
// replaced before a newer replica is ready.
func (s *Source) Ready() error {
	now := s.current.Load()
	if now == nil {
		return ErrNoCertificate
	}
	for _, trusted := range now.trusted {
		_, err := now.certificate.Leaf.Verify(x509.VerifyOptions{
			Roots:       pool(trusted),
			DNSName:     s.opts.host(),
			CurrentTime: s.opts.Clock.Now(),
		})
		if err != nil {
			return fmt.Errorf("checking the served certificate against a webhook's caBundle: %w", err)
		}
	}
	return nil
}
