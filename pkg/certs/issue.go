package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"time"
)

// issueBundle returns a bundle made anew, with a serving certificate for a DNS name, valid from now on for lifetime.
func issueBundle(now time.Time, lifetime Lifetime, host string) (bundle, error) {
	ca, err := newAuthority(now, lifetime, webhookSubject)
	if err != nil {
		return bundle{}, err
	}
	b := bundle{}
	if err := b.publish([]*x509.Certificate{ca.cert}, ca.key); err != nil {
		return bundle{}, err
	}
	if err := b.serve(now, lifetime, ca, host); err != nil {
		return bundle{}, err
	}
	return b, nil
}

// Subjects of certificates. That of an authority has " authority" after it.
const (
	webhookSubject  = "oras-operator webhook"
	registrySubject = "oras-operator registry"
)

// newAuthority makes a certificate authority that signs serving certificates and nothing else.
func newAuthority(now time.Time, lifetime Lifetime, subject string) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, fmt.Errorf("making the key of an authority: %w", err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: subject + " authority"},
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
func (b *bundle) publish(certs []*x509.Certificate, key *ecdsa.PrivateKey) error {
	encoded, err := encodeKey(key)
	if err != nil {
		return err
	}
	b.Authorities, b.AuthorityKey = encodeAuthorities(certs), encoded
	return nil
}

// serve puts a new serving certificate for host into b, signed by ca.
func (b *bundle) serve(now time.Time, lifetime Lifetime, ca authority, host string) error {
	certificate, key, err := ca.sign(now, lifetime, webhookSubject, host)
	if err != nil {
		return err
	}
	b.Certificate, b.PrivateKey = certificate, key
	return nil
}

// sign makes a serving certificate for hosts, which are DNS names and IP addresses, and its key, both PEM.
func (a authority) sign(now time.Time, lifetime Lifetime, subject string, hosts ...string) (certificate, private []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making the key of a serving certificate: %w", err)
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: subject},
		NotBefore:   now.Add(-skew),
		NotAfter:    now.Add(lifetime.serving()),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("signing a serving certificate: %w", err)
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), encoded, nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
