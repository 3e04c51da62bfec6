package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// patience bounds every wait, many times what a loaded machine needs.
const patience = time.Minute

// size is that of the blob which the origin serves, in bytes.
const size = 3 << 20

// origin is the server behind the proxy: it serves one blob, and remembers what it was given.
type origin struct {
	mu      sync.Mutex
	bodies  []string // of requests that were read to their end
	broken  int      // requests that were not
	headers []http.Header
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	o.mu.Lock()
	o.headers = append(o.headers, r.Header.Clone())
	if err == nil {
		o.bodies = append(o.bodies, string(body))
	} else {
		o.broken++
	}
	o.mu.Unlock()
	if r.Method == http.MethodPut {
		w.WriteHeader(http.StatusCreated)
		return
	}
	w.Header().Set("Docker-Content-Digest", "sha256:00")
	http.ServeContent(w, r, "blob", time.Time{}, bytes.NewReader(blob()))
}

// given returns the bodies of the requests that arrived whole.
func (o *origin) given() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bodies
}

func blob() []byte { return bytes.Repeat([]byte("01234567"), size/8) }

// site is a proxy before an origin, and a client that has one connection for each request.
type site struct {
	*Proxy
	origin *origin
	url    string
	client *http.Client
}

func newSite(t *testing.T, list ...Rule) *site {
	t.Helper()
	behind := new(origin)
	server := httptest.NewServer(behind)
	t.Cleanup(server.Close)
	s := newSiteBefore(t, server.URL, list...)
	s.origin = behind
	return s
}

// newSiteBefore is a site whose origin is elsewhere.
func newSiteBefore(t *testing.T, upstream string, list ...Rule) *site {
	t.Helper()
	proxy, err := New(upstream, list...)
	assert.NilError(t, err)
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	served := make(chan error, 1)
	go func() { served <- proxy.Serve(listener) }()
	t.Cleanup(func() {
		assert.NilError(t, proxy.Close())
		assert.NilError(t, <-served)
	})
	return &site{Proxy: proxy, url: "http://" + listener.Addr().String(), client: &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of the request, or of reading the body
}

func (s *site) do(ctx context.Context, method, path string, body io.Reader) answer {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		return answer{err: err}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close() //nolint:errcheck // read as far as it goes
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, a.err = io.ReadAll(resp.Body)
	return a
}

func (s *site) get(t *testing.T, path string) answer {
	t.Helper()
	return s.do(t.Context(), http.MethodGet, path, nil)
}

func (s *site) put(t *testing.T, path string, body []byte) answer {
	t.Helper()
	return s.do(t.Context(), http.MethodPut, path, bytes.NewReader(body))
}

// settled waits until nothing goes on, and returns the log.
func (s *site) settled(t *testing.T) []Exchange {
	t.Helper()
	var log []Exchange
	s.await(t, func(list []Exchange) bool {
		log = list
		for _, x := range list {
			if x.Open {
				return false
			}
		}
		return true
	})
	return log
}

func (s *site) await(t *testing.T, met func([]Exchange) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	assert.NilError(t, s.Await(ctx, met))
}

// fired tells whether a rule has happened.
func fired(rule string) func([]Exchange) bool {
	return func(list []Exchange) bool {
		return slices.ContainsFunc(list, func(x Exchange) bool { return x.Rule == rule })
	}
}

func TestWithoutARuleNothingIsChanged(t *testing.T) {
	s := newSite(t)
	got := s.get(t, "/v2/a/blobs/b?ns=x")
	assert.NilError(t, got.err)
	assert.Equal(t, got.status, http.StatusOK)
	assert.Equal(t, got.header.Get("Docker-Content-Digest"), "sha256:00")
	assert.Assert(t, bytes.Equal(got.body, blob()))

	head := s.do(t.Context(), http.MethodHead, "/v2/a/blobs/b", nil)
	assert.Equal(t, head.header.Get("Content-Length"), strconv.Itoa(size))
	assert.Equal(t, s.put(t, "/v2/a/manifests/v1", []byte("manifest")).status, http.StatusCreated)
	assert.Equal(t, s.origin.given()[2], "manifest")
	assert.Equal(t, s.origin.headers[0].Get("Accept-Encoding"), "", "which the client has not said")
	assert.Equal(t, s.origin.headers[0].Get("X-Forwarded-For"), "")

	log := s.settled(t)
	assert.Equal(t, len(log), 3)
	log[0].Time = time.Time{}
	assert.Equal(t, log[0], Exchange{Number: 1, Method: "GET", Path: "/v2/a/blobs/b", Status: 200, Sent: size})
	assert.Equal(t, log[2].Received, int64(len("manifest")))
	assert.Equal(t, log[2].Digest, fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("manifest"))))
	s.ClearLog()
	assert.Equal(t, len(s.Log()), 0)
}

func TestAnOriginThatIsGoneIsAConnectionThatIsReset(t *testing.T) {
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	assert.NilError(t, listener.Close())
	s := newSiteBefore(t, "http://"+listener.Addr().String())
	assert.ErrorContains(t, s.get(t, "/").err, "connection reset by peer")
}

func TestARuleTakesTheRequestsThatItSelects(t *testing.T) {
	const asked = 6
	for name, tc := range map[string]struct {
		rule Rule
		want string // of the statuses of so many requests, those of the rule as x
	}{
		"all":             {Rule{}, "xxxxxx"},
		"the third":       {Rule{Nth: 3}, "..x..."},
		"the first two":   {Rule{First: 2}, "xx...."},
		"every second":    {Rule{Every: 2}, ".x.x.x"},
		"of its method":   {Rule{Method: "GET"}, "x.x.x."},
		"of its path":     {Rule{Path: "/manifests/[^/]+$"}, "..xx.."},
		"the second HEAD": {Rule{Method: "HEAD", Nth: 2}, "...x.."},
	} {
		t.Run(name, func(t *testing.T) {
			tc.rule.Do, tc.rule.Status = Status, http.StatusTeapot
			s := newSite(t, tc.rule)
			var got strings.Builder
			for i := range asked {
				path := []string{"/v2/a/blobs/b", "/v2/a/manifests/v1", "/v2/a/tags/list"}[i/2]
				method := []string{http.MethodGet, http.MethodHead}[i%2]
				got.WriteByte(map[bool]byte{true: 'x', false: '.'}[s.do(t.Context(), method, path, nil).status == http.StatusTeapot])
			}
			assert.Equal(t, got.String(), tc.want)
		})
	}
}

func TestTheFirstRuleThatMatchesIsTheOnlyOne(t *testing.T) {
	s := newSite(t,
		Rule{Name: "busy", First: 1, Do: Status, Status: 503},
		Rule{Name: "full", First: 1, Do: Status, Status: 507},
	)
	for _, want := range []int{503, 507, 200} {
		assert.Equal(t, s.get(t, "/").status, want)
	}
	got := s.Rules()
	assert.DeepEqual(t, [][2]int{{got[0].Matched, got[0].Fired}, {got[1].Matched, got[1].Fired}}, [][2]int{{3, 1}, {2, 1}})
	assert.Equal(t, s.settled(t)[1].Rule, "full")
}

func TestARuleThatMakesNoSenseIsRefused(t *testing.T) {
	for want, rule := range map[string]Rule{
		`no action "explode"`:     {Do: "explode"},
		"only one of nth":         {Do: Cut, Nth: 1, First: 1},
		"cannot be negative":      {Do: Cut, After: -1},
		"neither request":         {Do: Cut, Direction: "sideways"},
		"requests only":           {Do: Drop, Direction: Response},
		"delay needs a wait":      {Do: Delay},
		"throttle needs a rate":   {Do: Throttle},
		"not between 200 and 599": {Do: Status, Status: 100},
		"needs a location":        {Do: Redirect, Location: "elsewhere"},
		"a whole response":        {Do: Status, Status: 500, Direction: Response, After: 1},
		"path: error parsing":     {Do: Cut, Path: "("},
	} {
		_, err := New("http://127.0.0.1:5000", rule)
		assert.Check(t, is.ErrorContains(err, want))
	}
	_, err := New("localhost:5000")
	assert.ErrorContains(t, err, "not of the form")
}
