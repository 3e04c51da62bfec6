package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"
)

// pair is a certificate for 127.0.0.1, which is its own authority, and its key, in PEM.
type pair struct{ cert, key []byte }

func newPair(t *testing.T, name string) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	assert.NilError(t, err)
	return pair{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

// files has p in a directory as a Secret is mounted: the files are links through ..data, which is swapped.
func (p pair) files(t *testing.T) TLSConfig {
	t.Helper()
	dir := t.TempDir()
	p.swap(t, dir)
	for _, name := range []string{"tls.crt", "tls.key"} {
		assert.NilError(t, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
	}
	return TLSConfig{CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key")}
}

// swap puts p in the place of what is in dir, in one step, and removes that.
func (p pair) swap(t *testing.T, dir string) {
	t.Helper()
	next, err := os.MkdirTemp(dir, "..")
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(filepath.Join(next, "tls.crt"), p.cert, 0o600))
	assert.NilError(t, os.WriteFile(filepath.Join(next, "tls.key"), p.key, 0o600))
	data := filepath.Join(dir, "..data")
	old, oldErr := os.Readlink(data)
	link := filepath.Join(dir, "..data_tmp")
	assert.NilError(t, os.Symlink(filepath.Base(next), link))
	assert.NilError(t, os.Rename(link, data))
	if oldErr == nil {
		assert.NilError(t, os.RemoveAll(filepath.Join(dir, old)))
	}
}

func pool(pairs ...pair) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, p := range pairs {
		pool.AppendCertsFromPEM(p.cert)
	}
	return pool
}

func TestANewCertificateIsServedWithoutAFailedRequest(t *testing.T) {
	first, second := newPair(t, "first"), newPair(t, "second")
	files := first.files(t)
	r := run(t, Config{TLS: files, DrainTimeout: time.Minute})
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool(first, second)},
	}}
	served := func() string {
		resp, err := client.Get(r.url + "/v2/")
		assert.NilError(t, err)
		assert.NilError(t, resp.Body.Close())
		assert.Equal(t, resp.StatusCode, http.StatusOK)
		return resp.TLS.PeerCertificates[0].Subject.CommonName
	}
	assert.Equal(t, served(), "first")
	second.swap(t, filepath.Dir(files.CertFile))
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if name := served(); name != "second" {
			return poll.Continue("it serves the %s", name)
		}
		return poll.Success()
	}, poll.WithTimeout(time.Minute), poll.WithDelay(time.Millisecond))

	pair{[]byte("broken"), second.key}.swap(t, filepath.Dir(files.CertFile))
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if !strings.Contains(r.log.String(), "failed to find any PEM data") {
			return poll.Continue("the broken file is not told of")
		}
		return poll.Success()
	}, poll.WithTimeout(time.Minute))
	assert.Equal(t, served(), "second")
}

func TestABrokenCertificateIsToldOnce(t *testing.T) {
	first := newPair(t, "first")
	files := first.files(t)
	var out logged
	c, err := newCertificate(files, jsonLog(&out))
	assert.NilError(t, err)
	c.refresh()
	assert.Equal(t, out.String(), "", "nothing has changed")
	pair{first.cert, newPair(t, "other").key}.swap(t, filepath.Dir(files.CertFile))
	c.refresh()
	c.refresh()
	assert.Equal(t, countLines(out.String(), "the old one stays"), 1)
	first.swap(t, filepath.Dir(files.CertFile))
	c.refresh()
	assert.NilError(t, os.Remove(files.KeyFile))
	c.refresh()
	assert.Equal(t, countLines(out.String(), "the old one stays"), 2)
	assert.Equal(t, c.current.Load().pair.Leaf.Subject.CommonName, "first")
}

func TestOldVersionsOfTLSAreRefused(t *testing.T) {
	authority := newPair(t, "one")
	r := run(t, Config{TLS: authority.files(t), DrainTimeout: time.Minute})
	for version, works := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			dialer := tls.Dialer{Config: &tls.Config{RootCAs: pool(authority), MinVersion: tls.VersionTLS10, MaxVersion: version, NextProtos: []string{"h2"}}}
			conn, err := dialer.DialContext(t.Context(), "tcp", r.server.listener.Addr().String())
			assert.Equal(t, err == nil, works, "%v", err)
			if err == nil {
				assert.Equal(t, conn.(*tls.Conn).ConnectionState().NegotiatedProtocol, "h2")
				assert.NilError(t, conn.Close())
			}
		})
	}
}
