package access

import (
	"context"
	"fmt"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/cache"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// serviceAccounts is the door for ServiceAccounts of the namespace of one OrasCache.
type serviceAccounts struct {
	cache   cacheName
	tokens  *tokens
	reviews *reviews
	end     context.CancelFunc
	running sync.WaitGroup
}

// newServiceAccounts fetches the keys for the first time, within ctx, and begins to follow them.
func newServiceAccounts(ctx context.Context, of cacheName, opts Options) (*serviceAccounts, error) {
	api, err := connect(opts.Kubernetes)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	keys := &keyring{api: api.RESTClient(), clock: opts.Clock, log: opts.Log, life: life}
	door := &serviceAccounts{
		cache:  of,
		tokens: newTokens(of, keys, opts.Clock),
		reviews: &reviews{
			of: authorizationv1.ResourceAttributes{
				Namespace: of.namespace, Name: of.name,
				Group: v1alpha1.Group, Version: v1alpha1.Version, Resource: "orascaches",
			},
			api:   api.LocalSubjectAccessReviews(of.namespace),
			clock: opts.Clock,
			log:   opts.Log,
			life:  life,
			known: cache.NewLRUExpireCacheWithClock(maxVerdicts, opts.Clock),
			slots: make(chan struct{}, maxAsked),
		},
		end: end,
	}
	keys.refresh(ctx)
	door.running.Go(keys.run)
	return door, nil
}

// connect makes a client of the API server. Its own limit of requests per second, made for controllers, is off: questions are
// limited in number here.
func connect(config *rest.Config) (*authorization.AuthorizationV1Client, error) {
	if config == nil {
		inCluster, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("finding the API server: %w", err)
		}
		config = inCluster
	}
	config = rest.CopyConfig(config)
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	config.QPS = -1
	config.Timeout = askTimeout
	config.WarningHandler = rest.NoWarnings{}
	api, err := authorization.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	return api, nil
}

func (s *serviceAccounts) who(ctx context.Context, given credentials) (*user, error) {
	return s.tokens.who(ctx, given.password)
}

func (s *serviceAccounts) may(ctx context.Context, who *user, right Right) (bool, error) {
	return s.reviews.may(ctx, who, right)
}

func (s *serviceAccounts) hint() string {
	return fmt.Sprintf("a token of a ServiceAccount of the namespace %s for the audience %s is needed, as Bearer or as the password of any user",
		s.cache.namespace, s.cache.audience())
}

func (s *serviceAccounts) close() {
	s.end()
	s.running.Wait()
}
