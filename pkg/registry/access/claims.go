package access

import (
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
)

// skew is how far the clock of who signed a token may be ahead of ours, for "not before".
const skew = time.Minute

// reference is an object that a token names.
type reference struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// claims are what a ServiceAccount's token says. The names of the fields are those of pkg/serviceaccount/claims.go in Kubernetes.
type claims struct {
	jwt.Claims
	Kubernetes struct {
		Namespace      string    `json:"namespace"`
		ServiceAccount reference `json:"serviceaccount"`
		Pod            reference `json:"pod"`
		Node           reference `json:"node"`
	} `json:"kubernetes.io"`
}

// check returns why a token with these claims, which the cluster of that issuer has signed, is not good for the registry of
// cache, or nil.
func (c *claims) check(cache cacheName, issuer string, now time.Time) error {
	if c.Issuer != issuer {
		return unauthorized(reasonIssuer, "the token was issued by %q, this cluster's issuer is %q", c.Issuer, issuer)
	}
	if !slices.Contains(c.Audience, cache.audience()) {
		return unauthorized(reasonAudience, "the token is made for the audience %q, this registry is %q", strings.Join(c.Audience, ","), cache.audience())
	}
	if err := c.checkTime(now); err != nil {
		return err
	}
	if c.Kubernetes.Namespace != cache.namespace {
		return unauthorized(reasonNamespace, "the token is of the namespace %q, this registry is of %q", c.Kubernetes.Namespace, cache.namespace)
	}
	if !serviceaccount.MatchesUsername(cache.namespace, c.Kubernetes.ServiceAccount.Name, c.Subject) {
		return unauthorized(reasonNamespace, "the token's subject %q is not the ServiceAccount that it names, %q of the namespace %q",
			c.Subject, c.Kubernetes.ServiceAccount.Name, c.Kubernetes.Namespace)
	}
	return nil
}

// checkTime returns why the token is not good now, or nil.
func (c *claims) checkTime(now time.Time) error {
	switch {
	case c.Expiry == nil:
		return unauthorized(reasonExpired, "the token does not say when it expires")
	case !now.Before(c.Expiry.Time()):
		return unauthorized(reasonExpired, "the token expired at %s, it is %s now", stamp(c.Expiry.Time()), stamp(now))
	case c.NotBefore != nil && now.Add(skew).Before(c.NotBefore.Time()):
		return unauthorized(reasonEarly, "the token is not good before %s, it is %s now", stamp(c.NotBefore.Time()), stamp(now))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
