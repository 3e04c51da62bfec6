package certs

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// rotate returns what the Secret is to hold at now, given what it holds. It takes one step at a time, each of which keeps
// whatever is served trusted, and returns old itself when there is nothing to do:
//
//  1. A bundle that is missing, broken or made for another DNS name than host is issued anew.
//  2. An authority of which a third of the life is over gets a successor, published beside it.
//  3. A serving certificate of which a third of the life is over, or whose authority has a successor, is issued anew by the
//     newest authority, once that has been published long enough for all to know it.
//  4. Authorities that have expired are dropped.
func rotate(now time.Time, lifetime Lifetime, host string, old bundle) (bundle, error) {
	held, err := old.parse()
	if err != nil || !servesHost(held.serving.Leaf, host) || !now.Before(held.serving.Leaf.NotAfter) {
		return reissue(now, lifetime, host, old)
	}
	if due(now, held.signer.cert.NotAfter, lifetime.authority()) {
		return addAuthority(now, lifetime, old, held)
	}
	if needsServing(now, lifetime, held) {
		return renewServing(now, lifetime, host, old, held)
	}
	return dropExpired(now, old, held), nil
}

// reissue makes a bundle anew. The authorities that old had are still trusted, if they can be read, since a replica may
// serve what they signed for a moment yet.
func reissue(now time.Time, lifetime Lifetime, host string, old bundle) (bundle, error) {
	next, err := issueBundle(now, lifetime, host)
	if err != nil {
		return bundle{}, fmt.Errorf("issuing certificates: %w", err)
	}
	if trusted, err := parseAuthorities(old.Authorities); err == nil {
		next.Authorities = append(next.Authorities, encodeAuthorities(unexpired(now, trusted))...)
	}
	return next, nil
}

// addAuthority publishes a new authority before those that held has.
func addAuthority(now time.Time, lifetime Lifetime, old bundle, held parsed) (bundle, error) {
	ca, err := newAuthority(now, lifetime, webhookSubject)
	if err != nil {
		return bundle{}, err
	}
	next := old
	certs := append([]*x509.Certificate{ca.cert}, unexpired(now, held.authorities)...)
	if err := next.publish(certs, ca.key); err != nil {
		return bundle{}, err
	}
	return next, nil
}

// renewServing replaces the serving certificate by one of the newest authority.
func renewServing(now time.Time, lifetime Lifetime, host string, old bundle, held parsed) (bundle, error) {
	next := old
	if err := next.serve(now, lifetime, held.signer, host); err != nil {
		return bundle{}, err
	}
	return next, nil
}

// needsServing tells whether it is time for a new serving certificate and the newest authority may sign it.
func needsServing(now time.Time, lifetime Lifetime, held parsed) bool {
	leaf := held.serving.Leaf
	if !known(now, held.signer.cert, lifetime.settle(), leaf.NotAfter) {
		return false
	}
	return due(now, leaf.NotAfter, lifetime.serving()) || leaf.CheckSignatureFrom(held.signer.cert) != nil
}

// dropExpired returns old without the authorities that have expired.
func dropExpired(now time.Time, old bundle, held parsed) bundle {
	if left := unexpired(now, held.authorities); len(left) < len(held.authorities) {
		old.Authorities = encodeAuthorities(left)
	}
	return old
}

// unexpired returns those of certs that are still valid at now.
func unexpired(now time.Time, certs []*x509.Certificate) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(certs), func(cert *x509.Certificate) bool {
		return !now.Before(cert.NotAfter)
	})
}

// servesHost tells whether cert is made for host.
func servesHost(cert *x509.Certificate, host string) bool {
	return cert.VerifyHostname(host) == nil
}
