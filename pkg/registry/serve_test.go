package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/poll"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
	"github.com/converged-computing/oras-operator/test/minioserver"
)

// running is a server that a test can stop.
type running struct {
	url    string
	server *server
	stop   context.CancelFunc
	// delayed ends the delay before the drain.
	delayed chan time.Time
	done    chan error
	log     *logged
}

// run serves as cfg says, with its data in a directory of its own, and a delay that the test ends where there is one.
func run(t *testing.T, cfg Config) running {
	t.Helper()
	cfg.Storage.Root = tempDir(t)
	out := &logged{}
	log := jsonLog(out)
	registry, err := build(t.Context(), cfg, log)
	assert.NilError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	r := running{stop: stop, delayed: make(chan time.Time), done: make(chan error, 1), log: out}
	r.server = &server{registry: registry, cfg: cfg, log: log, certificateInterval: 10 * time.Millisecond, after: time.After}
	if cfg.DrainDelay > 0 {
		r.server.after = func(time.Duration) <-chan time.Time { return r.delayed }
	}
	r.server.listener, err = listen(ctx, "127.0.0.1:0")
	assert.NilError(t, err)
	r.server.metrics, err = listen(ctx, "127.0.0.1:0")
	assert.NilError(t, err)
	r.url = "http://" + r.server.listener.Addr().String()
	if cfg.TLS.enabled() {
		r.url = "https://" + r.server.listener.Addr().String()
	}
	go func() { r.done <- r.server.serve(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NilError(t, registry.Close())
	})
	return r
}

// logged is what was logged so far.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// tempDir is a directory whose removal waits for handlers that were cut and still tidy up.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "registry")
	assert.NilError(t, err)
	t.Cleanup(func() {
		poll.WaitOn(t, func(poll.LogT) poll.Result {
			if err := os.RemoveAll(dir); err != nil {
				return poll.Continue("removing: %v", err)
			}
			return poll.Success()
		})
	})
	return dir
}

// upload starts a request whose body the test writes, and returns once the server has begun to read it.
func (r running) upload(t *testing.T) (body *io.PipeWriter, status chan int) {
	t.Helper()
	resp, err := http.Post(r.url+"/v2/step/blobs/uploads/", "", nil)
	assert.NilError(t, err)
	assert.NilError(t, resp.Body.Close())
	read, write := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, r.url+resp.Header.Get("Location"), read)
	assert.NilError(t, err)
	// The client then sends the body only once the server asks for it, which is when the handler reads it.
	req.Header.Set("Expect", "100-continue")
	status = make(chan int, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			status <- 0
			return
		}
		_ = resp.Body.Close()
		status <- resp.StatusCode
	}()
	_, err = write.Write([]byte("first"))
	assert.NilError(t, err)
	return write, status
}

func TestAnUploadUnderWayEndsBeforeTheServerDoes(t *testing.T) {
	r := run(t, Config{DrainTimeout: time.Minute})
	body, status := r.upload(t)
	r.stop()
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		resp, err := http.Get(r.url + "/healthz")
		if err != nil {
			return poll.Success()
		}
		_ = resp.Body.Close()
		return poll.Continue("it still accepts")
	})

	_, err := body.Write([]byte(",second"))
	assert.NilError(t, err)
	assert.NilError(t, body.Close())
	assert.Equal(t, <-status, http.StatusAccepted)
	assert.NilError(t, <-r.done)
}

func TestAnUploadThatDoesNotEndIsCut(t *testing.T) {
	r := run(t, Config{DrainTimeout: 50 * time.Millisecond})
	body, status := r.upload(t)
	r.stop()
	assert.ErrorIs(t, <-r.done, context.DeadlineExceeded)
	// The client hears of it, however often it goes on to write.
	assert.NilError(t, body.CloseWithError(io.ErrUnexpectedEOF))
	assert.Equal(t, <-status, 0)
}

func TestServeReportsAnAddressItCannotHave(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // only read from
	cfg := Config{Storage: storage.Config{Root: t.TempDir()}, Addr: listener.Addr().String()}
	err = Serve(t.Context(), cfg, slog.New(slog.DiscardHandler))
	assert.ErrorContains(t, err, "listening on "+cfg.Addr)
}

// Two processes that collect at a time would sweep each by looks of its own.
func TestABucketWithoutALeaseIsWarnedOf(t *testing.T) {
	server := minioserver.Start(t)
	warns := func(cfg Config) bool {
		out := &logged{}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		cfg.Addr = "127.0.0.1:0"
		go func() { done <- Serve(ctx, cfg, jsonLog(out)) }()
		poll.WaitOn(t, func(poll.LogT) poll.Result {
			if !strings.Contains(out.String(), `"The registry serves."`) {
				return poll.Continue("it does not serve yet: %s", out)
			}
			return poll.Success()
		})
		stop()
		assert.NilError(t, <-done)
		return strings.Contains(out.String(), "No Lease is given")
	}
	bucket := &storage.S3Config{
		Bucket: server.Bucket(t, "bucket"), Endpoint: server.Addr, PathStyle: true, Insecure: true, CredentialsDir: server.Credentials(t),
	}
	assert.Assert(t, warns(Config{Storage: storage.Config{S3: bucket}}))
	assert.Assert(t, !warns(Config{Storage: storage.Config{Root: t.TempDir()}}))
}

func TestTheAccessLog(t *testing.T) {
	tests := map[string]struct {
		path  string
		level string
		want  map[string]any
	}{
		"a request is one line": {
			path: "/v2/?token=secret", level: "INFO",
			want: map[string]any{"method": "GET", "path": "/v2/", "status": 200.0, "bytes": 2.0},
		},
		"a miss is no error": {
			path: "/v2/step/manifests/none", level: "INFO",
			want: map[string]any{"status": 404.0},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := run(t, Config{DrainTimeout: time.Minute})
			resp, err := http.Get(r.url + tc.path)
			assert.NilError(t, err)
			assert.NilError(t, resp.Body.Close())
			http.DefaultClient.CloseIdleConnections()
			r.stop()
			assert.NilError(t, <-r.done)

			lines := answered(t, strings.NewReader(r.log.String()))
			assert.Equal(t, len(lines), 1)
			assert.Equal(t, lines[0]["level"], tc.level)
			for key, value := range tc.want {
				assert.Equal(t, lines[0][key], value, key)
			}
			assert.Assert(t, !strings.Contains(r.log.String(), "secret"))
		})
	}
}

// answered returns the lines of the access log.
func answered(t *testing.T, log io.Reader) (lines []map[string]any) {
	t.Helper()
	for dec := json.NewDecoder(log); dec.More(); {
		var line map[string]any
		assert.NilError(t, dec.Decode(&line))
		if line["msg"] == "Answered a request." {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestTheLevelOfDistributionsLines(t *testing.T) {
	tests := map[string]struct {
		entry logrus.Entry
		want  slog.Level
	}{
		"an error is one":                      {logrus.Entry{Level: logrus.ErrorLevel, Message: "disk"}, slog.LevelError},
		"a warning is one":                     {logrus.Entry{Level: logrus.WarnLevel, Message: "hm"}, slog.LevelWarn},
		"information is for debugging":         {logrus.Entry{Level: logrus.InfoLevel, Message: "so"}, slog.LevelDebug},
		"an answered request is for debugging": {logrus.Entry{Level: logrus.ErrorLevel, Message: "response completed with error"}, slog.LevelDebug},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, libraryLevel(&tc.entry), tc.want)
		})
	}
}

func TestDistributionLogsInOurFormat(t *testing.T) {
	defer RouteLibraryLog(slog.New(slog.DiscardHandler))
	var out bytes.Buffer
	RouteLibraryLog(slog.New(slog.NewJSONHandler(&out, nil)))
	logrus.WithField("vars.name", "step").WithField("go.version", "1").Warn("something odd")
	var line map[string]any
	assert.NilError(t, json.Unmarshal(out.Bytes(), &line))
	delete(line, "time")
	assert.Check(t, cmp.DeepEqual(line, map[string]any{
		"level": "WARN", "msg": "something odd", "from": "distribution", "vars.name": "step",
	}))
}

func jsonLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
