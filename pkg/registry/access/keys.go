package access

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

const (
	// keysEvery is how often the keys are fetched whatever happens: how long one that the cluster gave up is still good.
	keysEvery = 5 * time.Minute
	// keysAtMost is the least time between two fetches.
	keysAtMost = 10 * time.Second
	// askTimeout bounds each request to the API server.
	askTimeout = 5 * time.Second
	// jwksType is the media type of the keys. The API server answers 406 to who does not accept it.
	jwksType = "application/jwk-set+json"
)

// keySet is with what a cluster signs tokens. It is never changed; one with other content is another.
type keySet struct {
	issuer string
	keys   map[string]any // *rsa.PublicKey or *ecdsa.PublicKey, by ID
	source []byte         // of the keys
}

// parseKeys reads the two documents that an API server gives: /.well-known/openid-configuration and /openid/v1/jwks. Of the
// keys it takes the public RSA and ECDSA ones: no other can have signed a ServiceAccount's token.
func parseKeys(discovery, jwks []byte) (*keySet, error) {
	var document struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(discovery, &document); err != nil {
		return nil, fmt.Errorf("reading the cluster's OpenID configuration: %w", err)
	}
	if document.Issuer == "" {
		return nil, errors.New("reading the cluster's OpenID configuration: it names no issuer")
	}
	var listed struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(jwks, &listed); err != nil {
		return nil, fmt.Errorf("reading the cluster's keys: %w", err)
	}
	set := &keySet{issuer: document.Issuer, keys: map[string]any{}, source: jwks}
	for _, text := range listed.Keys {
		var key jose.JSONWebKey
		if err := json.Unmarshal(text, &key); err != nil {
			continue // of a kind that is not known here, and no reason to do without the others
		}
		switch key.Key.(type) {
		case *rsa.PublicKey, *ecdsa.PublicKey:
			if key.KeyID != "" && key.Use != "enc" {
				set.keys[key.KeyID] = key.Key
			}
		}
	}
	if len(set.keys) == 0 {
		return nil, errors.New("reading the cluster's keys: none is public, RSA or ECDSA, and has an ID")
	}
	return set, nil
}

// same is whether two sets have the same content.
func (s *keySet) same(other *keySet) bool {
	return other != nil && s.issuer == other.issuer && bytes.Equal(s.source, other.source)
}

// keyring is the keys of a cluster as they are now, more or less.
type keyring struct {
	api     rest.Interface
	clock   clock.Clock
	log     *slog.Logger
	life    context.Context // ends with the guard: fetches are shared, and outlive who asked first
	current atomic.Pointer[keySet]
	flights singleflight.Group
	failed  atomic.Bool // the last fetch

	mu    sync.Mutex
	tried time.Time // when the last fetch began
}

// find returns the key of that ID and the set that it is of. The key is nil where the cluster has none, as far as may be asked
// now; the set is nil where nothing is known of the cluster's keys.
func (k *keyring) find(ctx context.Context, id string) (any, *keySet) {
	if set := k.current.Load(); set != nil && set.keys[id] != nil {
		return set.keys[id], set
	}
	k.refresh(ctx)
	set := k.current.Load()
	if set == nil {
		return nil, nil
	}
	return set.keys[id], set
}

// refresh fetches the keys, unless that was done just now, and returns when it, or ctx, has ended. Who comes meanwhile waits
// for the same fetch.
func (k *keyring) refresh(ctx context.Context) {
	done := k.flights.DoChan("", func() (any, error) {
		if k.due() {
			k.fetch()
		}
		return nil, nil
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// due is whether a fetch may begin, and takes it that it does.
func (k *keyring) due() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock.Now()
	if !k.tried.IsZero() && now.Sub(k.tried) < keysAtMost {
		return false
	}
	k.tried = now
	return true
}

// fetch asks the API server. What it knew stays where that fails.
func (k *keyring) fetch() {
	ctx, stop := context.WithTimeout(k.life, askTimeout)
	defer stop()
	set, err := k.ask(ctx)
	k.failed.Store(err != nil)
	before := k.current.Load()
	switch {
	case k.life.Err() != nil:
	case err != nil:
		k.log.Error("The keys of the cluster cannot be had.", "error", err, "known", before != nil)
	case !set.same(before):
		k.current.Store(set)
		k.log.Info("The keys of the cluster are read.", "issuer", set.issuer, "keys", len(set.keys))
	}
}

func (k *keyring) ask(ctx context.Context) (*keySet, error) {
	discovery, err := k.api.Get().AbsPath("/.well-known/openid-configuration").Do(ctx).Raw()
	if err != nil {
		return nil, fmt.Errorf("asking for the cluster's OpenID configuration: %w", err)
	}
	jwks, err := k.api.Get().AbsPath("/openid/v1/jwks").SetHeader("Accept", jwksType).Do(ctx).Raw()
	if err != nil {
		return nil, fmt.Errorf("asking for the cluster's keys: %w", err)
	}
	return parseKeys(discovery, jwks)
}

// run fetches the keys again and again, until the guard ends: soon where that failed.
func (k *keyring) run() {
	for {
		next := keysEvery
		if k.failed.Load() {
			next = keysAtMost
		}
		timer := k.clock.NewTimer(next)
		select {
		case <-timer.C():
			k.refresh(k.life)
		case <-k.life.Done():
			timer.Stop()
			return
		}
	}
}
