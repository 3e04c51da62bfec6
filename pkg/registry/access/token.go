package access

import (
	"context"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
)

// maxToken is the size in bytes above which a token is not looked at.
const maxToken = 8 << 10

// maxTokens is how many tokens are remembered as good: more than there are pods that use one registry at once.
const maxTokens = 8192

// algorithms are those that Kubernetes signs with (serviceaccount/jwt.go, external signers included). None of them can be checked with a
// secret or with nothing.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}
}

// tokens tells whose token one is.
type tokens struct {
	cache  cacheName
	keys   *keyring
	clock  clock.Clock
	known  *cache.LRUExpireCache // *token by hash, until they expire
	hasher hasher
}

// token is one that was found good.
type token struct {
	user   *user
	claims *claims
	by     *keySet // it is good as long as these keys are the cluster's
}

func newTokens(of cacheName, keys *keyring, clock clock.Clock) *tokens {
	return &tokens{cache: of, keys: keys, clock: clock, known: cache.NewLRUExpireCacheWithClock(maxTokens, clock), hasher: newHasher()}
}

// who returns the ServiceAccount that raw stands for. Its errors are refusals. A token that was good is good until it expires
// or the cluster's keys change, without its signature being looked at again.
func (t *tokens) who(ctx context.Context, raw string) (*user, error) {
	now := t.clock.Now()
	key := t.hasher.hash(raw)
	if known, ok := t.known.Get(key); ok {
		if good := known.(*token); good.by == t.keys.current.Load() {
			return good.user, good.claims.checkTime(now)
		}
	}
	good, err := t.verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	t.known.Add(key, good, good.claims.Expiry.Time().Sub(now))
	return good.user, nil
}

// verify checks a token from nothing but itself and the cluster's keys.
func (t *tokens) verify(ctx context.Context, raw string) (*token, error) {
	signed, err := parseToken(raw)
	if err != nil {
		return nil, err
	}
	key, set := t.keys.find(ctx, signed.Headers[0].KeyID)
	switch {
	case set == nil:
		return nil, unavailable("the cluster's keys cannot be had at the moment, by which tokens are checked")
	case key == nil:
		return nil, unauthorized(reasonKey, "the token is signed with a key that this cluster does not have")
	}
	var said claims
	if err := signed.Claims(key, &said); err != nil {
		return nil, unauthorized(reasonSignature, "the token's signature is not that of this cluster")
	}
	if err := said.check(t.cache, set.issuer, t.clock.Now()); err != nil {
		return nil, err
	}
	return &token{user: said.user(), claims: &said, by: set}, nil
}

// parseToken reads a token without believing it. The library's errors are not told: they quote the token.
func parseToken(raw string) (*jwt.JSONWebToken, error) {
	if len(raw) > maxToken {
		return nil, unauthorized(reasonMalformed, "the token has %d bytes, more than %d are not read", len(raw), maxToken)
	}
	if strings.Count(raw, ".") != 2 {
		return nil, unauthorized(reasonMalformed, "what is given is not a token of a ServiceAccount")
	}
	signed, err := jwt.ParseSigned(raw, algorithms())
	var algorithm *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case errors.As(err, &algorithm) && algorithm.Got != "":
		return nil, unauthorized(reasonAlgorithm, "the token is not signed with RSA or ECDSA")
	case err != nil || len(signed.Headers) != 1:
		return nil, unauthorized(reasonMalformed, "what is given is not a token of a ServiceAccount")
	}
	return signed, nil
}
