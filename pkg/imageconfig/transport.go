package imageconfig

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxBody is how large an answer of a registry may be, in bytes: the limit that the OCI distribution specification has
// registries accept manifests up to.
const maxBody = 4 << 20

// guarded is a transport for registries that anybody may have named. It takes no more of an answer than a look-up needs, and
// goes nowhere that images should not lead to, by name or by redirect. Who is behind a proxy is for the proxy to say, but for
// addresses that are written out.
type guarded struct {
	addresses addresses
	proxy     func(*http.Request) (*url.URL, error)
	direct    *http.Transport
	proxied   *http.Transport
}

func newTransport(may addresses, proxy func(*http.Request) (*url.URL, error)) guarded {
	direct := plain(may.dialer())
	proxied := plain(&net.Dialer{}) // wherever the administrator has put it, be it beside the operator
	proxied.Proxy = proxy
	return guarded{addresses: may, proxy: proxy, direct: direct, proxied: proxied}
}

// plain returns a transport that keeps to HTTP/1.1, where what is not read yet stays with the kernel.
func plain(dialer *net.Dialer) *http.Transport {
	var only http.Protocols
	only.SetHTTP1(true)
	return &http.Transport{
		DialContext:            dialer.DialContext,
		DisableCompression:     true, // else what is decompressed knows no bounds
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns:           16,
		IdleConnTimeout:        30 * time.Second,
		Protocols:              &only,
	}
}

func (g guarded) RoundTrip(req *http.Request) (*http.Response, error) {
	if from := req.Response; from != nil && from.Request.URL.Scheme == "https" && req.URL.Scheme != "https" {
		return nil, faulty(ErrDowngrade, "that is not followed")
	}
	inner, err := g.way(req)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := inner.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	encoding := resp.Header.Get("Content-Encoding")
	switch {
	case encoding != "" && encoding != "identity":
		err = faulty(ErrEncoded, "none was asked for")
	case req.Method != http.MethodHead && resp.ContentLength > maxBody:
		err = faulty(ErrTooLarge, "an answer of %d bytes", resp.ContentLength)
	default:
		resp.Body = &bounded{ReadCloser: resp.Body, left: maxBody}
		return resp, nil
	}
	resp.Body.Close() //nolint:errcheck // nothing was read from it
	return nil, err
}

// way is how a request gets to its host.
func (g guarded) way(req *http.Request) (*http.Transport, error) {
	proxy, err := g.proxy(req)
	if err != nil {
		return nil, err
	}
	if proxy == nil {
		return g.direct, nil
	}
	return g.proxied, g.addresses.checkHost(req.URL.Hostname())
}

// bounded is a body that fails with ErrTooLarge where it goes on for too long.
type bounded struct {
	io.ReadCloser
	left int64 // bytes
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, faulty(ErrTooLarge, "an answer of more than %d bytes", maxBody)
	}
	return n, err
}
