package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
)

const (
	// headerTimeout is the time a client has to send the header of a request.
	headerTimeout = 10 * time.Second
	// idleTimeout is how long an unused connection is kept: longer than the 90 s after which Go's client closes its own,
	// so that a request does not meet a connection that is being closed.
	idleTimeout = 2 * time.Minute
)

// Serve runs a registry as cfg says until ctx ends. Then it is not ready any more and serves on for cfg.DrainDelay, stops
// accepting, lets requests under way end, and returns. It returns nil unless it could not start (an error that wraps
// [ErrConfig], or one of the network), or had to cut requests after cfg.DrainTimeout (an error that wraps
// [context.DeadlineExceeded]).
func Serve(ctx context.Context, cfg Config, log *slog.Logger) error {
	registry, err := build(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer registry.Close() //nolint:errcheck // it closes nothing that holds data
	if cfg.HTTPSecretFile == "" {
		log.Warn("No secret file is given: uploads under way do not outlive this process.")
	}
	if cfg.Storage.S3 != nil && cfg.Collect.Lease == "" {
		log.Warn("No Lease is given: no other process may have the bucket, since two that collect its garbage at a time lose what is pushed.")
	}
	s := &server{registry: registry, cfg: cfg, log: log, certificateInterval: certificateInterval, after: time.After}
	if s.listener, err = listen(ctx, cmp.Or(cfg.Addr, DefaultAddr)); err != nil {
		return err
	}
	if cfg.MetricsAddr != "" {
		if s.metrics, err = listen(ctx, cfg.MetricsAddr); err != nil {
			return errors.Join(err, s.listener.Close())
		}
	}
	return s.serve(ctx)
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	return listener, nil
}

// server is a registry on the network.
type server struct {
	registry            *Registry
	cfg                 Config
	log                 *slog.Logger
	listener            net.Listener
	metrics             net.Listener // nil: none
	certificateInterval time.Duration
	after               func(time.Duration) <-chan time.Time
}

// serve answers at the listeners, which it closes, until ctx ends.
func (s *server) serve(ctx context.Context) error {
	main, metrics := s.newServer(s.registry), s.newServer(s.registry.Metrics())
	defer metrics.Close() //nolint:errcheck // nobody waits for its answers
	served := make(chan error, 2)
	if s.metrics != nil {
		go func() { served <- metrics.Serve(s.metrics) }()
	}
	if s.cfg.TLS.enabled() {
		certificate, err := newCertificate(s.cfg.TLS, s.log)
		if err != nil {
			return errors.Join(err, s.listener.Close())
		}
		main.TLSConfig = certificate.config()
		//nolint:contextcheck // it goes on while requests drain
		following, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		go certificate.follow(following, s.certificateInterval)
		go func() { served <- main.ServeTLS(s.listener, "", "") }()
	} else {
		go func() { served <- main.Serve(s.listener) }()
	}
	s.log.Info("The registry serves.", "addr", s.listener.Addr().String(), "root", s.cfg.Storage.Root, "tls", s.cfg.TLS.enabled())
	if auth := s.cfg.Access.Auth; auth == "" || auth == access.AuthNone {
		s.log.Warn("Everybody who can reach the registry may do everything.")
	}
	select {
	case err := <-served:
		return errors.Join(fmt.Errorf("serving on %s: %w", s.listener.Addr(), err), main.Close())
	case <-ctx.Done():
		return s.drain(context.WithoutCancel(ctx), main)
	}
}

// newServer returns a server with the limits of all. None of them is for a request as a whole: an upload may take hours.
func (s *server) newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           cutUnread(handler),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

// drain ends main: first clients learn that the registry is not ready, by its probe and by connections that are closed after
// each answer, then requests under way end.
func (s *server) drain(ctx context.Context, main *http.Server) error {
	s.registry.health.draining.Store(true)
	s.log.Info("The registry stops; requests under way may end.", "delay", s.cfg.DrainDelay, "timeout", s.cfg.DrainTimeout)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DrainTimeout)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-s.after(s.cfg.DrainDelay):
	}
	if err := main.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("draining requests: %w", err), main.Close())
	}
	s.log.Info("The registry has stopped.")
	return nil
}
