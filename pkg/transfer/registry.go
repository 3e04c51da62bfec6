package transfer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// UserAgent is what registries see in their logs unless a [Registry] says otherwise.
const UserAgent = "oras-operator"

// Bounds of connections. There is none for a whole request, since a blob may take hours.
const (
	dialTimeout = 10 * time.Second
	maxIdle     = 16 // connections kept for one host
)

// Registry says how to reach a registry. Proxies are taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
type Registry struct {
	Host      string // host[:port]
	PlainHTTP bool   // see [DefaultPlainHTTP]
	// Credential is asked before each request that needs a credential and holds no valid token, so it may read a file
	// that rotates. Nil is anonymous. See [DockerCredentials].
	Credential auth.CredentialFunc
	// TokenFile holds a token that Host gets with every request, as a password of Basic. It is read each time, since it
	// rotates, and comes before Credential. Empty: there is none.
	TokenFile string
	// CA is who may sign the registry's certificate; nil is the system's roots.
	CA *x509.CertPool
	// CAFile is a PEM file of who may sign it beside the system's roots, read again when it changes; it comes before CA. Empty:
	// there is none.
	CAFile    string
	UserAgent string // default [UserAgent]
	// Log is told about every request at level debug, without anything that could be a credential. Nil: nobody is.
	Log *slog.Logger
}

// Repository returns a client of one repository. It keeps connections and tokens, so use it again for one operation after
// the other.
func (r Registry) Repository(name string) (*remote.Repository, error) {
	if err := checkRepository(name); err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrInvalidReference, name, err)
	}
	repo, err := remote.NewRepository(r.Host + "/" + name)
	if err != nil {
		return nil, fmt.Errorf("registry %q: %w", r.Host, err)
	}
	agent := r.UserAgent
	if agent == "" {
		agent = UserAgent
	}
	repo.PlainHTTP = r.PlainHTTP
	client := &auth.Client{
		Client:     &http.Client{Transport: reasoning{hinting{watching{r.logged(r.trusting()), stallPatience}}}},
		Header:     http.Header{"User-Agent": {agent}},
		Credential: r.Credential,
		Cache:      auth.NewCache(),
		ClientID:   UserAgent,
	}
	if r.TokenFile != "" {
		t := tokens{host: repo.Reference.Host(), file: r.TokenFile}
		client.Credential, client.Cache = t.credential, t
	}
	repo.Client = client
	return repo, nil
}

// trusting is a transport for the certificates that are trusted.
func (r Registry) trusting() http.RoundTripper {
	if r.CAFile != "" {
		return &authority{file: r.CAFile, connect: transport}
	}
	return transport(r.CA)
}

func (r Registry) logged(base http.RoundTripper) http.RoundTripper {
	if r.Log == nil {
		return base
	}
	return requestLog{base, r.Log}
}

func transport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   dialTimeout,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   maxIdle,
		ForceAttemptHTTP2:     true,
		ReadBufferSize:        64 << 10,
		WriteBufferSize:       64 << 10,
	}
}

// DefaultPlainHTTP reports whether a registry is spoken to without TLS when nobody says: on loopback, and by a name
// inside a cluster (one label, or ending in .svc or .svc.cluster.local).
func DefaultPlainHTTP(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.IsLoopback()
	}
	name = strings.TrimSuffix(name, ".")
	return !strings.Contains(name, ".") || strings.HasSuffix(name, ".localhost") ||
		strings.HasSuffix(name, ".svc") || strings.HasSuffix(name, ".svc.cluster.local")
}

// DockerCredentials returns a source of credentials that reads a Docker configuration file, and asks the credential
// helpers that it names, anew each time. A file that is absent is an empty one.
func DockerCredentials(path string) auth.CredentialFunc {
	return func(ctx context.Context, host string) (auth.Credential, error) {
		store, err := credentials.NewStore(path, credentials.StoreOptions{})
		if err != nil {
			return auth.EmptyCredential, fmt.Errorf("reading credentials: %w", err)
		}
		return credentials.Credential(store)(ctx, host)
	}
}
