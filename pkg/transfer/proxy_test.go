package transfer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// Addresses and names that exist in the network of the child alone.
const (
	direct  = "192.0.2.1" // reached as it is
	proxied = "192.0.2.2" // and this by way of the proxy
	named   = "registry.example"
)

// withNetwork gives a child a network of its own, with nothing in it.
func withNetwork(t *testing.T, child *exec.Cmd, dir string) {
	withMounts(t, child, dir)
	child.SysProcAttr.Cloneflags = child.SysProcAttr.Cloneflags&^unix.CLONE_NEWNS | unix.CLONE_NEWNET
}

// loopback brings the loopback interface of such a child up, with further addresses.
func loopback(t *testing.T, addresses ...string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	assert.NilError(t, err)
	defer func() { assert.Check(t, unix.Close(fd)) }()
	for i, address := range append([]string{"127.0.0.1"}, addresses...) {
		name := "lo"
		if i > 0 {
			name = fmt.Sprintf("lo:%d", i)
		}
		request, err := unix.NewIfreq(name)
		assert.NilError(t, err)
		assert.NilError(t, request.SetInet4Addr(net.ParseIP(address).To4()))
		assert.NilError(t, unix.IoctlIfreq(fd, unix.SIOCSIFADDR, request))
		request, err = unix.NewIfreq(name)
		assert.NilError(t, err)
		request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		assert.NilError(t, unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request))
	}
}

// authority is a certificate authority of nobody's acquaintance.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	cert, err := x509.ParseCertificate(raw)
	assert.NilError(t, err)
	return authority{key: key, cert: cert}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue makes a certificate for all names and addresses of these tests.
func (a authority) issue(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{named}, IPAddresses: []net.IP{net.ParseIP(direct), net.ParseIP(proxied)},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	assert.NilError(t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// serveTLS serves a registry at an address.
func serveTLS(t *testing.T, handler http.Handler, address string, cert tls.Certificate) (host string) {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", address+":0")
	assert.NilError(t, err)
	server := httptest.NewUnstartedServer(handler)
	assert.NilError(t, server.Listener.Close())
	server.Listener, server.TLS = listener, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the clients that hang up
	server.StartTLS()
	t.Cleanup(server.Close)
	return listener.Addr().String()
}

// proxy is an HTTP proxy that knows where names lead and wants a password.
type proxy struct {
	names map[string]string // host:port → address
	mu    sync.Mutex
	asked []string
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	p.mu.Unlock()
	if r.Header.Get("Proxy-Authorization") != "Basic dTpwYXNz" { // u:pass
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	address, known := p.names[r.Host]
	switch {
	case !known:
		w.WriteHeader(http.StatusBadGateway)
	case r.Method == http.MethodConnect:
		p.tunnel(w, address)
	default:
		(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: address})
			r.Out.Host = r.In.Host
		}}).ServeHTTP(w, r)
	}
}

func (p *proxy) tunnel(w http.ResponseWriter, address string) {
	to, err := net.Dial("tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer to.Close() //nolint:errcheck // the end of a tunnel
	from, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer from.Close() //nolint:errcheck // the end of a tunnel
	_, _ = io.WriteString(from, "HTTP/1.1 200 Connection established\r\n\r\n")
	go io.Copy(to, from)     //nolint:errcheck // the end of a tunnel
	_, _ = io.Copy(from, to) // until either side is gone
}

// requests are what the proxy was asked for since the last call, each once.
func (p *proxy) requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := slices.Compact(slices.Sorted(slices.Values(p.asked)))
	p.asked = nil
	return asked
}

func TestE84ProxiesOfTheEnvironmentAreUsedAndPassedByWhereItSays(t *testing.T) {
	if !inChild(t, withNetwork) {
		return
	}
	loopback(t, direct, proxied)
	registry, ca := testregistry.Start(t), newAuthority(t)
	cert := ca.issue(t)
	hosts := map[string]string{"direct": serveTLS(t, registry, direct, cert), "proxied": serveTLS(t, registry, proxied, cert)}
	p := &proxy{names: map[string]string{hosts["proxied"]: hosts["proxied"], named + ":443": hosts["proxied"], named: registry.Host}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	at := strings.Replace(server.URL, "http://", "http://u:pass@", 1)
	for key, value := range map[string]string{"HTTPS_PROXY": at, "HTTP_PROXY": at, "NO_PROXY": direct} {
		t.Setenv(key, value) // read once in a process, which is why this is a child
		assert.NilError(t, os.Unsetenv(strings.ToLower(key)))
	}
	for name, test := range map[string]struct {
		registry transfer.Registry
		want     []string
	}{
		"an address by the proxy":          {transfer.Registry{Host: hosts["proxied"], CA: ca.pool()}, []string{"CONNECT " + hosts["proxied"]}},
		"a name that only the proxy knows": {transfer.Registry{Host: named, CA: ca.pool()}, []string{"CONNECT " + named + ":443"}},
		"a name without TLS": {
			transfer.Registry{Host: named, PlainHTTP: true}, []string{"GET " + named, "HEAD " + named, "POST " + named, "PUT " + named},
		},
		"an address of NO_PROXY": {transfer.Registry{Host: hosts["direct"], CA: ca.pool()}, nil},
		"loopback":               {transfer.Registry{Host: registry.Host, PlainHTTP: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p.requests()
			repo, err := test.registry.Repository("proxied")
			assert.NilError(t, err)
			survives(t, repo, twoLayers(t).Path())
			got := slices.DeleteFunc(p.requests(), func(r string) bool { return strings.HasPrefix(r, "PATCH ") })
			assert.DeepEqual(t, got, test.want)
		})
	}
	t.Run("an authority that nobody knows, by the proxy", func(t *testing.T) {
		repo, err := transfer.Registry{Host: named}.Repository("a")
		assert.NilError(t, err)
		_, err = transfer.Resolve(t.Context(), repo, "v1", quick())
		assert.ErrorContains(t, err, "certificate")
		assert.Assert(t, transfer.Final(err), err)
	})
	t.Run("a proxy that is gone", func(t *testing.T) {
		server.Close()
		repo, err := transfer.Registry{Host: named}.Repository("a")
		assert.NilError(t, err)
		_, err = transfer.Resolve(t.Context(), repo, "v1", transfer.Retry{First: time.Millisecond, Limit: 50 * time.Millisecond})
		assert.Assert(t, transfer.Transient(err), err)
		assert.ErrorIs(t, err, syscall.ECONNREFUSED)
		assert.Assert(t, !strings.Contains(err.Error(), "pass"), err)
	})
}
