package certs

import (
	"crypto/x509"
	"time"
)

const (
	// DefaultLifetime is that of a serving certificate.
	DefaultLifetime = 90 * 24 * time.Hour
	// MinLifetime is the shortest lifetime that leaves time for every replica to follow a rotation.
	MinLifetime = time.Minute

	// skew is how far a clock may be behind ours and still take a new certificate for valid.
	skew = 5 * time.Minute
)

// Lifetime is the lifetime of a serving certificate, from which all other times follow.
type Lifetime time.Duration

// serving is how long a serving certificate is valid.
func (l Lifetime) serving() time.Duration { return time.Duration(l) }

// authority is how long a certificate authority is valid: so long that one is there for the whole life of whatever it
// signs until it is replaced itself.
func (l Lifetime) authority() time.Duration { return 4 * time.Duration(l) }

// settle is how long an authority is published before it signs for webhooks: several times what replicas and the API server need to
// learn of it.
func (l Lifetime) settle() time.Duration { return min(time.Duration(l)/10, 5*time.Minute) }

// spread is how long an authority is published before it signs for registries: far more than it takes for a ConfigMap to reach a pod.
func (l Lifetime) spread() time.Duration { return time.Duration(l) / 10 }

// Poll is how often the Secret and the webhook configurations are read.
func (l Lifetime) Poll() time.Duration { return min(time.Duration(l)/60, 10*time.Second) }

// due tells whether something that is valid until notAfter, of that lifetime, is to be replaced: a third of its life is
// over, or it was issued for a longer life than is wanted now.
func due(now, notAfter time.Time, lifetime time.Duration) bool {
	left := notAfter.Sub(now)
	return left < lifetime*2/3 || left > lifetime
}

// known tells whether an authority was published long enough ago to replace what is served until then: for so long as it takes for
// all to learn of it or, where what is served does not last so long, since it was issued for a shorter life than is wanted now, for a
// third of what was left of that.
func known(now time.Time, authority *x509.Certificate, takes time.Duration, until time.Time) bool {
	published := authority.NotBefore.Add(skew)
	return now.Sub(published) >= min(takes, until.Sub(published)/3)
}
