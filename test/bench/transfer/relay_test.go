package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestTheRelayCountsBothWaysAndRequestsByMethod(t *testing.T) {
	var hosts []string
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts = append(hosts, r.Host)
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(bytes.Repeat([]byte("x"), 5000))
	}))
	defer registry.Close()
	r, err := newRelay(strings.TrimPrefix(registry.URL, "http://"))
	assert.NilError(t, err)
	defer r.close()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 2 {
		answer, err := client.Post("http://"+r.addr+"/", "", bytes.NewReader(make([]byte, 3000)))
		assert.NilError(t, err)
		_, err = io.Copy(io.Discard, answer.Body)
		assert.NilError(t, err)
		assert.NilError(t, answer.Body.Close())
	}
	got := r.take()
	assert.DeepEqual(t, got.Requests, map[string]int{"POST": 2})
	assert.Assert(t, got.Sent > 6000 && got.Sent < 7000, got.Sent)
	assert.Assert(t, got.Received > 10000 && got.Received < 11000, got.Received)
	assert.DeepEqual(t, hosts, []string{r.addr, r.addr}) // what the registry answers leads back to the relay
	got = r.take()
	assert.Equal(t, got.Sent+got.Received+int64(len(got.Requests)), int64(0))
}
