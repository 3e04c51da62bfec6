package registry

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // registers the driver named in distributionConfig
)

// maxPage is the most repositories or tags that one page of a listing holds, the default of distribution's own
// configuration file (configuration/configuration.go, defaultMaxEntries and defaultMaxTags).
const maxPage = 1000

// Registry is an [http.Handler] for the OCI distribution API under /v2/, with probes at /healthz and /readyz.
type Registry struct {
	app      *handlers.App
	root     string
	draining atomic.Bool
}

// New makes a registry as cfg says. Its errors wrap [ErrConfig].
func New(cfg Config) (*Registry, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	secret, err := cfg.secret()
	if err != nil {
		return nil, err
	}
	app, err := newApp(distributionConfig(cfg.Root, secret))
	if err != nil {
		return nil, err
	}
	return &Registry{app: app, root: cfg.Root}, nil
}

// Close ends what the registry does besides answering requests.
func (r *Registry) Close() error {
	return r.app.Shutdown()
}

// ServeHTTP answers a probe or a request to the distribution API. It does not clean the path as [http.ServeMux] would:
// a redirect instead of an answer confuses clients that upload.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch req.URL.Path {
	case "/healthz":
		r.healthz(w, req)
	case "/readyz":
		r.readyz(w, req)
	default:
		r.app.ServeHTTP(w, req)
	}
}

// distributionConfig says in distribution's terms what a registry is here: files below root, deletion allowed, content
// served by the registry itself, and no cache of blob descriptors, which would outlive a deletion.
func distributionConfig(root string, secret []byte) *configuration.Configuration {
	cfg := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem": {"rootdirectory": root},
			"delete":     {"enabled": true},
			"redirect":   {"disable": true},
		},
	}
	cfg.Catalog.MaxEntries = maxPage
	cfg.Tags.MaxTags = maxPage
	cfg.HTTP.Secret = string(secret)
	// A client may know the registry by a name that we do not: behind a port-forward, a proxy, an ingress.
	cfg.HTTP.RelativeURLs = true
	return cfg
}

// newApp is [handlers.NewApp], with its panics as errors: that is how it reports a configuration it cannot use.
func newApp(cfg *configuration.Configuration) (app *handlers.App, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%w: %v", ErrConfig, reason)
		}
	}()
	return handlers.NewApp(context.Background(), cfg), nil
}
