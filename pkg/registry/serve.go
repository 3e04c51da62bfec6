package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// headerTimeout is the time a client has to send the header of a request.
	headerTimeout = 10 * time.Second
	// idleTimeout is how long an unused connection is kept: longer than the 90 s after which Go's client closes its own,
	// so that a request does not meet a connection that is being closed.
	idleTimeout = 2 * time.Minute
)

// Serve runs a registry as cfg says until ctx ends, then stops accepting, lets requests under way end, and returns. It
// returns nil unless it could not start (an error that wraps [ErrConfig], or one of the network), or had to cut requests
// after cfg.DrainTimeout (an error that wraps [context.DeadlineExceeded]).
func Serve(ctx context.Context, cfg Config, log *slog.Logger) error {
	cfg = cfg.withDefaults()
	registry, err := New(cfg)
	if err != nil {
		return err
	}
	defer registry.Close() //nolint:errcheck // it closes nothing that holds data
	if cfg.SecretFile == "" {
		log.Warn("No secret file is given: uploads under way do not outlive this process.")
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", cfg.Addr, err)
	}
	return serve(ctx, registry, listener, cfg.DrainTimeout, log)
}

// serve runs registry on listener, which it closes, until ctx ends.
func serve(ctx context.Context, registry *Registry, listener net.Listener, drain time.Duration, log *slog.Logger) error {
	// No timeout limits a request as a whole: an upload may take hours.
	server := &http.Server{
		Handler:           logAccess(registry, log),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Info("The registry serves.", "addr", listener.Addr().String(), "root", registry.root)

	select {
	case err := <-served:
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	registry.draining.Store(true)
	log.Info("The registry stops; requests under way may end.", "timeout", drain)
	//nolint:contextcheck // ctx has ended, which is why we are here
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil {
		return errors.Join(fmt.Errorf("draining requests: %w", err), server.Close())
	}
	log.Info("The registry has stopped.")
	return nil
}
