package transfer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// certificate is one that has signed itself, for this machine, and its PEM.
func certificate(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	assert.NilError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestE84AnAuthorityOfAFileIsReadAgainWhenItChanges(t *testing.T) {
	registry := testregistry.Start(t)
	first, firstPEM := certificate(t)
	second, secondPEM := certificate(t)
	var shown atomic.Pointer[tls.Certificate]
	shown.Store(&first)
	server := httptest.NewUnstartedServer(registry)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell about the client that hangs up
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*shown.Load()}}, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)

	file := filepath.Join(t.TempDir(), "ca.crt")
	write := func(content []byte) { assert.NilError(t, os.WriteFile(file, content, 0o600)) }
	repo, err := transfer.Registry{Host: strings.TrimPrefix(server.URL, "https://"), CAFile: file}.Repository("a")
	assert.NilError(t, err)
	says := func(want string) {
		t.Helper()
		_, err := transfer.Resolve(t.Context(), repo, "v1", quick())
		assert.ErrorContains(t, err, want)
		assert.Assert(t, transfer.Final(err), err)
	}
	says("no such file")
	write([]byte("nonsense"))
	says("there is no certificate in")
	write(nil)
	says("certificate signed by unknown authority")
	write(firstPEM)
	says("not found")
	shown.Store(&second)
	server.CloseClientConnections()
	says("certificate signed by unknown authority")
	write(append(secondPEM, firstPEM...))
	says("not found")
	write([]byte("nonsense, as while it is being written"))
	says("not found")
	assert.NilError(t, os.Remove(file))
	says("not found")
}
