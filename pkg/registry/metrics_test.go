package registry

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/registry/internal/who"
)

// get returns the status and the body of what is at a URL.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	assert.NilError(t, err)
	defer resp.Body.Close() //nolint:errcheck // only read from
	body, err := io.ReadAll(resp.Body)
	assert.NilError(t, err)
	return resp.StatusCode, string(body)
}

func countLines(text, with string) (n int) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, with) {
			n++
		}
	}
	return n
}

func TestTheMetrics(t *testing.T) {
	r := run(t, Config{DrainTimeout: time.Minute})
	r.server.registry.status = func() (Status, bool) { return Status{Manifests: 3, Bytes: 1000}, true }

	content := strings.Repeat("x", 1234)
	resp, err := http.Post(r.url+"/v2/step/blobs/uploads/", "", nil)
	assert.NilError(t, err)
	assert.NilError(t, resp.Body.Close())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut,
		r.url+resp.Header.Get("Location")+"&digest="+digest.FromString(content).String(), strings.NewReader(content))
	assert.NilError(t, err)
	resp, err = http.DefaultClient.Do(req)
	assert.NilError(t, err)
	assert.NilError(t, resp.Body.Close())
	assert.Equal(t, resp.StatusCode, http.StatusCreated)
	get(t, r.url+"/v2/step/blobs/"+digest.FromString(content).String())
	get(t, r.url+"/v2/step/manifests/secret-tag")

	status, text := get(t, "http://"+r.server.metrics.Addr().String()+"/metrics")
	assert.Equal(t, status, http.StatusOK)
	for _, want := range []string{
		`oras_registry_requests_total{code="202",method="POST",route="upload"} 1`,
		`oras_registry_requests_total{code="201",method="PUT",route="upload"} 1`,
		`oras_registry_requests_total{code="200",method="GET",route="blob"} 1`,
		`oras_registry_requests_total{code="404",method="GET",route="manifest"} 1`,
		`oras_registry_request_seconds_count{method="PUT",route="upload"} 1`,
		`oras_registry_received_bytes_total 1234`,
		`oras_registry_uploads 0`,
		`oras_registry_storage_bytes{of="blobs"} 1000`,
		`oras_registry_artifacts 3`,
		`go_goroutines `,
	} {
		assert.Check(t, cmp.Contains(text, "\n"+want))
	}
	for _, of := range []string{"size", "free"} {
		assert.Check(t, cmp.Regexp(regexp.MustCompile(`oras_registry_storage_bytes\{of="`+of+`"\} [1-9]`), text))
	}
	assert.Check(t, !strings.Contains(text, "secret-tag"))
	assert.Check(t, !strings.Contains(text, `route="other"`), "probes and metrics are not requests")
}

func TestTheMetricsPortServesNothingElse(t *testing.T) {
	r := run(t, Config{DrainTimeout: time.Minute})
	base := "http://" + r.server.metrics.Addr().String()
	status, _ := get(t, base+"/v2/")
	assert.Equal(t, status, http.StatusNotFound)
	status, _ = get(t, r.url+"/metrics")
	assert.Equal(t, status, http.StatusNotFound)
}

func TestTheStatusIsThatOfTheLastLook(t *testing.T) {
	r := run(t, Config{DrainTimeout: time.Minute})
	url := "http://" + r.server.metrics.Addr().String() + "/oras/status"
	status, _ := get(t, url)
	assert.Equal(t, status, http.StatusServiceUnavailable)

	look := Status{Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Manifests: 2, Bytes: 30}
	r.server.registry.status = func() (Status, bool) { return look, true }
	status, body := get(t, url)
	assert.Equal(t, status, http.StatusOK)
	assert.Equal(t, strings.TrimSpace(body), `{"started":"2026-01-02T03:04:05Z","manifests":2,"bytes":30}`)
}

func TestAMethodThatIsMadeUpIsNoLabel(t *testing.T) {
	assert.Equal(t, methodLabel("PATCH"), "PATCH")
	assert.Equal(t, methodLabel("BREW"), "other")
}

func TestTheLogSaysWhoAsked(t *testing.T) {
	var out logged
	o := observer{log: jsonLog(&out), metrics: newMetrics(func() int64 { return 0 }), closing: func() bool { return false }}
	handler := o.observe(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		who.Set(req.Context(), "system:serviceaccount:lab:default")
	}))
	req := httptest.NewRequest(http.MethodGet, "/v2/?token=hidden", nil)
	req.Header.Set("Authorization", "Bearer hidden")
	handler.ServeHTTP(httptest.NewRecorder(), req)
	var line map[string]any
	assert.NilError(t, json.Unmarshal([]byte(out.String()), &line))
	assert.Equal(t, line["who"], "system:serviceaccount:lab:default")
	assert.Equal(t, line["status"], 200.0)
	assert.Assert(t, !strings.Contains(out.String(), "hidden"))
}

func TestARequestThatPanicsIsAnErrorOfOurs(t *testing.T) {
	var out logged
	metrics := newMetrics(func() int64 { return 0 })
	o := observer{log: jsonLog(&out), metrics: metrics, closing: func() bool { return false }}
	server := httptest.NewUnstartedServer(o.observe(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no such thing") })))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	defer server.Close()
	_, err := http.Get(server.URL + "/v2/_catalog") //nolint:bodyclose // there is none
	assert.ErrorIs(t, err, io.EOF)
	var line map[string]any
	assert.NilError(t, json.Unmarshal([]byte(out.String()), &line))
	assert.Equal(t, line["status"], 500.0)
	assert.Equal(t, line["level"], "ERROR")
	assert.Equal(t, testutil.ToFloat64(metrics.requests.WithLabelValues("GET", "catalog", "500")), 1.0)
}
