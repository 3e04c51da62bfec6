package imageconfig

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestNoRedirectLeadsFromHTTPSToHTTP(t *testing.T) {
	asked := false
	open := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer open.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(open.URL, http.StatusTemporaryRedirect))
	defer secure.Close()
	transport := newTransport(addresses{loopback: true}, http.ProxyFromEnvironment)
	transport.direct.TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig
	_, err := (&http.Client{Transport: transport}).Get(secure.URL) //nolint:bodyclose // there is none
	assert.ErrorIs(t, err, ErrDowngrade)
	assert.Assert(t, !asked)
}

// A proxy may be anywhere, beside the operator too, and finds out itself what names stand for.
func TestAProxyIsAskedForWhatIsNotWrittenOutAsAnAddressThatIsRefused(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.Host) }))
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	assert.NilError(t, err)
	client := &http.Client{Transport: newTransport(addresses{}, http.ProxyURL(at))}
	for _, host := range []string{"registry.example", "10.1.2.3:5000"} {
		resp, err := client.Get("http://" + host)
		assert.NilError(t, err)
		assert.NilError(t, resp.Body.Close())
	}
	for _, host := range []string{"169.254.169.254", "127.0.0.1:8080", "[::1]", "localhost", "2852039166", "0xa9fea9fe", "169.254.0xa9.254", "[64:ff9b::a9fe:a9fe]"} {
		_, err := client.Get("http://" + host) //nolint:bodyclose // there is none
		assert.Check(t, err != nil && strings.Contains(err.Error(), ErrAddress.Error()), "%s: %v", host, err)
	}
	assert.DeepEqual(t, asked, []string{"registry.example", "10.1.2.3:5000"})
}
