package registry

import (
	"context"
	"fmt"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/converged-computing/oras-operator/pkg/registry/api"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// libraryConfig says in distribution's terms what a registry is here: content in driver, served by the registry itself,
// deletion allowed, no cache of blob descriptors, which would outlive a deletion, and no purge of uploads, which is a part of
// the collection.
func libraryConfig(driver storagedriver.StorageDriver, secret []byte) *configuration.Configuration {
	cfg := &configuration.Configuration{Storage: storage.Library(driver)}
	cfg.Storage["delete"] = configuration.Parameters{"enabled": true}
	cfg.Storage["redirect"] = configuration.Parameters{"disable": true}
	cfg.Storage["maintenance"] = configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}}
	cfg.Catalog.MaxEntries = api.MaxPage
	cfg.Tags.MaxTags = api.MaxPage
	// A layer that is to be had elsewhere only says where. Nothing here follows that.
	cfg.Validation.Manifests.URLs.Allow = []string{"^https?://"}
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
