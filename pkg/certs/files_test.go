package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher/metrics"
)

// mount puts b where the kubelet would put it: into a directory of its own, to which links lead that change all at once, and
// removes the one before.
func mount(t *testing.T, dir string, b bundle) {
	t.Helper()
	before, err := filepath.EvalSymlinks(filepath.Join(dir, "..data"))
	first := errors.Is(err, fs.ErrNotExist)
	at, err := os.MkdirTemp(dir, "..")
	assert.NilError(t, err)
	for name, content := range b.data() {
		assert.NilError(t, os.WriteFile(filepath.Join(at, name), content, 0o600))
		if first {
			assert.NilError(t, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
		}
	}
	next := filepath.Join(dir, "..data_tmp")
	assert.NilError(t, os.Symlink(filepath.Base(at), next))
	assert.NilError(t, os.Rename(next, filepath.Join(dir, "..data")))
	if !first {
		assert.NilError(t, os.RemoveAll(before))
	}
}

func issueNow(t *testing.T, lifetime time.Duration, host string) bundle {
	t.Helper()
	b, err := issueBundle(time.Now(), Lifetime(lifetime), host)
	assert.NilError(t, err)
	return b
}

// follow runs a source of what is mounted at dir until the test ends.
func follow(t *testing.T, dir string) *Files {
	t.Helper()
	files := NewFiles(dir, "system", "hooks", slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- files.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.Check(t, <-ended)
	})
	return files
}

// becomes waits until a TLS server answers with the certificate of b.
func becomes(t *testing.T, server *httptest.Server, b bundle) {
	t.Helper()
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{
			RootCAs: pool(b.Authorities), ServerName: testHost, MinVersion: tls.VersionTLS13,
		})
		if err != nil {
			return poll.Continue("%v", err)
		}
		assert.Check(t, conn.Close())
		return poll.Success()
	}, poll.WithTimeout(20*time.Second), poll.WithDelay(20*time.Millisecond))
}

func TestACertificateInFilesIsWaitedForAndServedAnewWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	files := follow(t, dir)
	assert.ErrorIs(t, files.Ready(), ErrNoCertificate)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{GetCertificate: files.GetCertificate, MinVersion: tls.VersionTLS13}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()

	for range 3 {
		b := issueNow(t, time.Hour, testHost)
		mount(t, dir, b)
		becomes(t, server, b)
		assert.NilError(t, files.Ready())
	}
}

func TestACertificateInFilesThatIsOfNoUseIsNotReady(t *testing.T) {
	expired, err := issueBundle(time.Now().Add(-2*time.Hour), Lifetime(time.Hour), testHost)
	assert.NilError(t, err)
	for title, test := range map[string]struct {
		bundle bundle
		want   string
	}{
		"made for another Service": {issueNow(t, time.Hour, "other.system.svc"), "not hooks.system.svc"},
		"expired":                  {expired, "expired"},
	} {
		t.Run(title, func(t *testing.T) {
			dir := t.TempDir()
			mount(t, dir, test.bundle)
			files := follow(t, dir)
			poll.WaitOn(t, func(poll.LogT) poll.Result {
				if _, err := files.GetCertificate(nil); err != nil {
					return poll.Continue("%v", err)
				}
				return poll.Success()
			})
			assert.ErrorContains(t, files.Ready(), test.want)
		})
	}
}

func TestABrokenFileLeavesTheCertificateThatWasRead(t *testing.T) {
	dir := t.TempDir()
	good := issueNow(t, time.Hour, testHost)
	mount(t, dir, good)
	files := follow(t, dir)
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if err := files.Ready(); err != nil {
			return poll.Continue("%v", err)
		}
		return poll.Success()
	})
	failed := testutil.ToFloat64(metrics.ReadCertificateErrors)
	mount(t, dir, bundle{Certificate: []byte("garbage"), PrivateKey: good.PrivateKey})
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if testutil.ToFloat64(metrics.ReadCertificateErrors) == failed {
			return poll.Continue("the broken file is not read yet")
		}
		return poll.Success()
	})
	assert.NilError(t, files.Ready())
}
