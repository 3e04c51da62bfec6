package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// serving matches the line with which the proxy says where it serves.
const serving = `listen=(\S+) admin=(\S+)`

func TestTheCommandServesClientsAndWhoeverDrivesIt(t *testing.T) {
	origin := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(origin.Close)
	file := filepath.Join(t.TempDir(), "rules.json")
	assert.NilError(t, os.WriteFile(file, []byte(`[{"path":"/file","do":"status","status":503}]`), 0o600))
	clients, admin := start(t, "--upstream="+origin.URL, "--listen=127.0.0.1:0", "--admin=127.0.0.1:0",
		"--rules-file="+file, `--rules=[{"path":"/flag","do":"status","status":507}]`)

	for path, want := range map[string]int{"/": 404, "/file": 503, "/flag": 507} {
		status, _ := get(t, clients+path)
		assert.Equal(t, status, want, path)
	}
	status, log := get(t, admin+"/log")
	assert.Equal(t, status, http.StatusOK)
	assert.Equal(t, strings.Count(log, `"number"`), 3)
}

func TestTheCommandListensOnLoopbackUnlessToldOtherwise(t *testing.T) {
	opts, err := parseOptions(nil, io.Discard)
	assert.NilError(t, err)
	for _, address := range []string{opts.listen, opts.admin} {
		assert.Assert(t, strings.HasPrefix(address, "127.0.0.1:"), address)
	}
}

func TestTheCommandRefusesWhatItCannotDo(t *testing.T) {
	for want, args := range map[string][]string{
		"reading rules":         {"--rules={}"},
		"no such file":          {"--rules-file=/nowhere/rules.json"},
		`no action "explode"`:   {`--rules=[{"do":"explode"}]`},
		"unexpected argument":   {"serve"},
		"not of the form":       {"--upstream=localhost:5000"},
		"listening for clients": {"--listen=127.0.0.1:none"},
		"flag provided but not": {"--no-such-flag"},
	} {
		assert.ErrorContains(t, run(t.Context(), args, io.Discard), want)
	}
}

// start runs the command until the test ends, and returns the URLs that it serves at.
func start(t *testing.T, args ...string) (clients, admin string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, writer) }()
	t.Cleanup(func() {
		stop()
		assert.NilError(t, <-ended)
	})
	line := make([]byte, 4096)
	n, err := reader.Read(line)
	assert.NilError(t, err)
	where := regexp.MustCompile(serving).FindStringSubmatch(string(bytes.TrimSpace(line[:n])))
	assert.Assert(t, where != nil, string(line[:n]))
	return "http://" + where[1], "http://" + where[2]
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	assert.NilError(t, err)
	resp, err := http.DefaultClient.Do(req)
	assert.NilError(t, err)
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(resp.Body)
	assert.NilError(t, err)
	return resp.StatusCode, string(body)
}
