package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Keys of the Secret. The last two are those of the type kubernetes.io/tls.
const (
	keyAuthorities  = "ca.crt"
	keyAuthorityKey = "ca.key"
	keyCertificate  = "tls.crt"
	keyPrivateKey   = "tls.key"
)

// errBundle is wrapped by every error about a [bundle] that cannot be used.
var errBundle = errors.New("certificate bundle")

// bundle is what the Secret holds, as PEM.
type bundle struct {
	// Authorities are the certificates to trust, the newest first.
	Authorities []byte
	// AuthorityKey is the private key of the newest authority.
	AuthorityKey []byte
	// Certificate and PrivateKey are what the webhooks serve.
	Certificate, PrivateKey []byte
}

// bundleOf returns the bundle in the data of a Secret.
func bundleOf(data map[string][]byte) bundle {
	return bundle{
		Authorities:  data[keyAuthorities],
		AuthorityKey: data[keyAuthorityKey],
		Certificate:  data[keyCertificate],
		PrivateKey:   data[keyPrivateKey],
	}
}

// data returns b as the data of a Secret.
func (b bundle) data() map[string][]byte {
	return map[string][]byte{
		keyAuthorities:  b.Authorities,
		keyAuthorityKey: b.AuthorityKey,
		keyCertificate:  b.Certificate,
		keyPrivateKey:   b.PrivateKey,
	}
}

// authority is a certificate authority that can sign.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// parsed is a [bundle] that has been read and found to be whole.
type parsed struct {
	authorities []*x509.Certificate // the newest first, at least one
	signer      authority           // the newest, with its key
	serving     tls.Certificate     // with its Leaf
}

// parse reads b.
func (b bundle) parse() (parsed, error) {
	authorities, err := parseAuthorities(b.Authorities)
	if err != nil {
		return parsed{}, err
	}
	pair, err := tls.X509KeyPair(b.Authorities, b.AuthorityKey)
	if err != nil {
		return parsed{}, fmt.Errorf("%w: reading the authority's key: %w", errBundle, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return parsed{}, fmt.Errorf("%w: the authority's key is not an ECDSA key", errBundle)
	}
	serving, err := tls.X509KeyPair(b.Certificate, b.PrivateKey)
	if err != nil {
		return parsed{}, fmt.Errorf("%w: reading the serving certificate: %w", errBundle, err)
	}
	return parsed{
		authorities: authorities,
		signer:      authority{cert: authorities[0], key: key},
		serving:     serving,
	}, nil
}

// parseAuthorities reads a series of certificates, of which there must be one at least.
func parseAuthorities(series []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for block, rest := pem.Decode(series); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: reading an authority: %w", errBundle, err)
		}
		found = append(found, cert)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: there is no authority", errBundle)
	}
	return found, nil
}

// encodeAuthorities writes certificates as one series.
func encodeAuthorities(certs []*x509.Certificate) []byte {
	var series bytes.Buffer
	for _, cert := range certs {
		series.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	}
	return series.Bytes()
}

// pool returns the authorities of a series, to verify against.
func pool(series []byte) *x509.CertPool {
	p := x509.NewCertPool()
	p.AppendCertsFromPEM(series)
	return p
}
