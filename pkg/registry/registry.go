package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// Registry is an [http.Handler] for the OCI distribution API under /v2/, with probes at /healthz and /readyz.
type Registry struct {
	handler http.Handler
	metrics *metrics
	health  *health
	status  func() (Status, bool) // what the last look found; false before the first
	closers []func() error        // in the order in which they were made
}

// New makes a registry as cfg says, which logs nothing of its own. Its errors wrap [ErrConfig].
func New(cfg Config) (*Registry, error) {
	return build(context.Background(), cfg, slog.New(slog.DiscardHandler))
}

// build makes a registry that logs to log. ctx bounds the making only.
func build(ctx context.Context, cfg Config, log *slog.Logger) (_ *Registry, err error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	r := &Registry{}
	defer func() {
		if err != nil {
			err = errors.Join(inConfig(cfg.file, err), r.Close())
		}
	}()
	secret, err := cfg.secret()
	if err != nil {
		return nil, err
	}
	store, err := storage.Open(ctx, cfg.Storage, log)
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	r.closers = append(r.closers, store.Close)

	uploads := &uploads{max: int64(cfg.MaxUploads)}
	r.metrics = newMetrics(uploads.current.Load)
	r.metrics.registry.MustRegister(newStorageCollector(store, func() (Status, bool) { return r.status() }))
	r.health = &health{log: log, writable: store.CheckWritable}

	driver := notingDriver{store.Driver()}
	app, err := newApp(libraryConfig(driver, secret))
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, app.Shutdown)
	guard, err := newGuard(cfg.Access, r.metrics.registry, log)
	if err != nil {
		return nil, fmt.Errorf("access.%w", err)
	}
	r.closers = append(r.closers, func() error { guard.Close(); return nil })
	collector, err := newCollector(cfg.Collect, store, driver, r.metrics.registry, log)
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, inBackground(collector, log))
	r.status = func() (Status, bool) { return statusOf(collector) }

	root, _ := store.Root()
	r.handler = newStack(stack{
		probes:     r.health.answer,
		observe:    observer{log: log, metrics: r.metrics, closing: r.health.draining.Load}.observe,
		cutStalled: cutStalled(stallTimeout),
		limit:      uploads.limit,
		access:     guard.Handler,
		answerFull: answerFull(driver),
		gate:       collector.Gate().Handler,
		api:        apiOf(driver, root),
		library:    app,
	})
	return r, nil
}

// Close ends what the registry does besides answering requests, and gives its storage up. A second one does nothing.
func (r *Registry) Close() error {
	var errs []error
	for _, end := range slices.Backward(r.closers) {
		errs = append(errs, end())
	}
	r.closers = nil
	return errors.Join(errs...)
}

// ServeHTTP answers a probe or a request to the distribution API.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.handler.ServeHTTP(w, req)
}
