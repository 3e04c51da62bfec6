package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"time"
)

// Issue returns a bundle made anew, with a serving certificate for a DNS name, valid from now on for lifetime.
func Issue(now time.Time, lifetime Lifetime, host string) (Bundle, error) {
	ca, err := newAuthority(now, lifetime)
	if err != nil {
		return Bundle{}, err
	}
	b := Bundle{}
	if err := b.publish([]*x509.Certificate{ca.cert}, ca.key); err != nil {
		return Bundle{}, err
	}
	if err := b.serve(now, lifetime, ca, host); err != nil {
		return Bundle{}, err
	}
	return b, nil
}

// newAuthority makes a certificate authority that signs serving certificates and nothing else.
func newAuthority(now time.Time, lifetime Lifetime) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, fmt.Errorf("making the key of an authority: %w", err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "oras-operator webhook authority"},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(lifetime.authority()),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return authority{}, fmt.Errorf("signing an authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return authority{}, fmt.Errorf("reading a new authority: %w", err)
	}
	return authority{cert: cert, key: key}, nil
}

// publish makes certs the authorities of b and key that of the first of them.
func (b *Bundle) publish(certs []*x509.Certificate, key *ecdsa.PrivateKey) error {
	encoded, err := encodeKey(key)
	if err != nil {
		return err
	}
	b.Authorities, b.AuthorityKey = encodeAuthorities(certs), encoded
	return nil
}

// serve puts a new serving certificate for host into b, signed by ca.
func (b *Bundle) serve(now time.Time, lifetime Lifetime, ca authority, host string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the key of a serving certificate: %w", err)
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "oras-operator webhook"},
		DNSNames:    []string{host},
		NotBefore:   now.Add(-skew),
		NotAfter:    now.Add(lifetime.serving()),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return fmt.Errorf("signing a serving certificate: %w", err)
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return err
	}
	b.Certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	b.PrivateKey = encoded
	return nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
