package certs

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// authorities are the certificate authorities of an [Issuer], as PEM.
type authorities struct {
	certificates []byte // the newest first
	key          []byte // of the newest
}

func authoritiesOf(data map[string][]byte) authorities {
	return authorities{certificates: data[keyAuthorities], key: data[keyAuthorityKey]}
}

func (a authorities) data() map[string][]byte {
	return map[string][]byte{keyAuthorities: a.certificates, keyAuthorityKey: a.key}
}

// parse reads a: the newest authority with its key, and all certificates.
func (a authorities) parse() (authority, []*x509.Certificate, error) {
	all, err := parseAuthorities(a.certificates)
	if err != nil {
		return authority{}, nil, err
	}
	pair, err := tls.X509KeyPair(a.certificates, a.key)
	if err != nil {
		return authority{}, nil, fmt.Errorf("%w: reading the authority's key: %w", errBundle, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return authority{}, nil, fmt.Errorf("%w: the authority's key is not an ECDSA key", errBundle)
	}
	return authority{cert: all[0], key: key}, all, nil
}

// rotate returns what is to be at now, given a: a itself, or with a successor for an authority of which a third of the life is
// over, and without those that have expired. What cannot be read is made anew.
func (a authorities) rotate(now time.Time, lifetime Lifetime) (authorities, error) {
	newest, all, err := a.parse()
	if err == nil && !due(now, newest.cert.NotAfter, lifetime.authority()) {
		if left := unexpired(now, all); len(left) < len(all) {
			a.certificates = encodeAuthorities(left)
		}
		return a, nil
	}
	made, err := newAuthority(now, lifetime, registrySubject)
	if err != nil {
		return authorities{}, err
	}
	key, err := encodeKey(made.key)
	if err != nil {
		return authorities{}, err
	}
	trusted := append([]*x509.Certificate{made.cert}, unexpired(now, all)...)
	return authorities{certificates: encodeAuthorities(trusted), key: key}, nil
}

// renew returns what the Secret of a registry is to hold at now, given what it holds. A certificate that is good stays until a
// third of its life is over or its authority has a successor, and then until that has been published long enough for all
// clients to know it.
func renew(now time.Time, lifetime Lifetime, hosts []string, own authorities, held map[string][]byte) (map[string][]byte, error) {
	signer, all, err := own.parse()
	if err != nil {
		return nil, err
	}
	earlier, _ := parseAuthorities(held[keyAuthorities]) // what cannot be read is not trusted
	trusted := union(all, unexpired(now, earlier))
	next := map[string][]byte{
		keyAuthorities: encodeAuthorities(trusted),
		keyCertificate: held[keyCertificate],
		keyPrivateKey:  held[keyPrivateKey],
	}
	leaf := goodLeaf(now, hosts, next)
	if leaf != nil && (isFresh(now, lifetime, signer, leaf) || !mayReplace(now, lifetime, signer, leaf, earlier)) {
		return next, nil
	}
	next[keyCertificate], next[keyPrivateKey], err = signer.sign(now, lifetime, registrySubject, hosts...)
	return next, err
}

// isFresh tells whether leaf is in the first third of its life and signed by the newest authority.
func isFresh(now time.Time, lifetime Lifetime, newest authority, leaf *x509.Certificate) bool {
	return !due(now, leaf.NotAfter, lifetime.serving()) && leaf.CheckSignatureFrom(newest.cert) == nil
}

// mayReplace tells whether every client of a registry knows the newest authority by now, so that it may sign a successor of leaf. The
// registry's Secret had the authorities told before.
func mayReplace(now time.Time, lifetime Lifetime, newest authority, leaf *x509.Certificate, told []*x509.Certificate) bool {
	return contains(told, newest.cert) && known(now, newest.cert, lifetime.spread(), leaf.NotAfter)
}

// goodLeaf returns the certificate that data has, if it can be served for hosts at now and those who trust its authorities take it;
// else nil.
func goodLeaf(now time.Time, hosts []string, data map[string][]byte) *x509.Certificate {
	pair, err := tls.X509KeyPair(data[keyCertificate], data[keyPrivateKey])
	if err != nil {
		return nil
	}
	options := x509.VerifyOptions{Roots: pool(data[keyAuthorities]), CurrentTime: now}
	if _, err := pair.Leaf.Verify(options); err != nil {
		return nil
	}
	covered := slices.Clone(pair.Leaf.DNSNames)
	for _, ip := range pair.Leaf.IPAddresses {
		covered = append(covered, ip.String())
	}
	for _, host := range hosts {
		if !slices.Contains(covered, host) {
			return nil
		}
	}
	return pair.Leaf
}

// union returns a and those of b that are not in it.
func union(a, b []*x509.Certificate) []*x509.Certificate {
	all := slices.Clone(a)
	for _, cert := range b {
		if !contains(all, cert) {
			all = append(all, cert)
		}
	}
	return all
}

func contains(certs []*x509.Certificate, cert *x509.Certificate) bool {
	return slices.ContainsFunc(certs, cert.Equal)
}
