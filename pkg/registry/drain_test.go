package registry

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"
)

func TestWhileItDrainsARegistryServesButSendsClientsAway(t *testing.T) {
	tests := map[string]struct {
		tls   bool
		proto int
	}{
		"by HTTP/1.1": {proto: 1},
		"by HTTP/2":   {tls: true, proto: 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := Config{DrainDelay: time.Hour, DrainTimeout: 2 * time.Hour}
			transport := &http.Transport{ForceAttemptHTTP2: tc.tls}
			defer transport.CloseIdleConnections()
			if tc.tls {
				authority := newPair(t, "one")
				cfg.TLS = authority.files(t)
				transport.TLSClientConfig = &tls.Config{RootCAs: pool(authority)}
			}
			r := run(t, cfg)
			client := &http.Client{Transport: transport}
			ask := func(path string) (status int, proto int, reused bool) {
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused },
				})
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+path, nil)
				assert.NilError(t, err)
				resp, err := client.Do(req)
				assert.NilError(t, err)
				_, err = io.Copy(io.Discard, resp.Body)
				assert.NilError(t, err)
				assert.NilError(t, resp.Body.Close())
				return resp.StatusCode, resp.ProtoMajor, reused
			}
			_, proto, _ := ask("/v2/")
			assert.Equal(t, proto, tc.proto)
			_, _, reused := ask("/v2/")
			assert.Assert(t, reused)

			r.stop()
			poll.WaitOn(t, func(poll.LogT) poll.Result {
				if status, _, _ := ask("/readyz"); status != http.StatusServiceUnavailable {
					return poll.Continue("still ready")
				}
				return poll.Success()
			}, poll.WithTimeout(time.Minute))
			status, _, _ := ask("/v2/")
			assert.Equal(t, status, http.StatusOK)
			// The client gives up the connection when it has been told to, which for HTTP/2 is a frame of its own.
			poll.WaitOn(t, func(poll.LogT) poll.Result {
				status, _, reused := ask("/v2/")
				assert.Equal(t, status, http.StatusOK)
				if reused {
					return poll.Continue("the connection is still used")
				}
				return poll.Success()
			}, poll.WithTimeout(time.Minute))

			r.delayed <- time.Time{}
			assert.NilError(t, <-r.done)
			_, err := client.Get(r.url + "/v2/")
			assert.Assert(t, err != nil, "it does not accept any more")
		})
	}
}
