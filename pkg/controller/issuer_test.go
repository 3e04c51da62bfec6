package controller

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// issuer issues self-signed certificates, and another one whenever it is told to.
type issuer struct {
	t       *testing.T
	renew   bool
	failure error
	hosts   []string
}

func (i *issuer) Issue(_ context.Context, hosts []string, held map[string][]byte) (map[string][]byte, error) {
	if i.failure != nil {
		return nil, i.failure
	}
	same := slices.Equal(i.hosts, hosts)
	i.hosts = hosts
	if len(held) > 0 && same && !i.renew {
		return held, nil
	}
	return selfSigned(i.t, hosts...), nil
}

// selfSigned returns the data of a Secret with a certificate for hosts.
func selfSigned(t *testing.T, hosts ...string) map[string][]byte {
	t.Helper()
	return signedUntil(t, time.Now().Add(30*24*time.Hour), hosts...)
}

// signedUntil returns the same with a certificate that expires then.
func signedUntil(t *testing.T, end time.Time, hosts ...string) map[string][]byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{NotBefore: time.Now().Add(-time.Hour), NotAfter: end}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	assert.NilError(t, err)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	return map[string][]byte{
		tlsCertKey: certificate,
		tlsKeyKey:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		tlsCAKey:   certificate,
	}
}
