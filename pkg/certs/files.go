package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// Files gives this replica a serving certificate that somebody else keeps, such as cert-manager, from a directory. Whoever
// does also has the webhook configurations trust it: nothing in the cluster is read or written.
type Files struct {
	dir, host string
	log       *slog.Logger
	watcher   atomic.Pointer[certwatcher.CertWatcher]
}

// NewFiles returns a source of the certificate tls.crt and its key tls.key in dir, which is how a Secret of type
// kubernetes.io/tls is mounted, for a Service. It has no certificate until [Files.Start] runs.
func NewFiles(dir, namespace, service string, log *slog.Logger) *Files {
	return &Files{dir: dir, host: host(namespace, service), log: log}
}

// NeedLeaderElection is false: every replica serves.
func (*Files) NeedLeaderElection() bool { return false }

// Start waits for the certificate and then follows it, until ctx ends. While the files cannot be read, what was last read is
// served.
func (f *Files) Start(ctx context.Context) error {
	watcher := f.await(ctx)
	if watcher == nil {
		return nil
	}
	f.watcher.Store(watcher)
	f.log.Info("The webhook certificate is served.", "dir", f.dir, "host", f.host)
	if err := watcher.Start(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("following the webhook certificate in %s: %w", f.dir, err)
	}
	return nil
}

// await returns what follows the certificate once there is one, or nil when ctx ends. It says once why it waits.
func (f *Files) await(ctx context.Context) *certwatcher.CertWatcher {
	var watcher *certwatcher.CertWatcher
	var told string
	there := func(context.Context) (bool, error) {
		var err error
		watcher, err = certwatcher.New(filepath.Join(f.dir, keyCertificate), filepath.Join(f.dir, keyPrivateKey))
		if err != nil && err.Error() != told {
			told = err.Error()
			f.log.Warn("There is no webhook certificate yet.", "error", err)
		}
		return err == nil, nil
	}
	if err := wait.PollUntilContextCancel(ctx, firstPoll, true, there); err != nil {
		return nil
	}
	return watcher
}

// GetCertificate returns the certificate to serve, for [tls.Config]. Its error is [ErrNoCertificate].
func (f *Files) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	watcher := f.watcher.Load()
	if watcher == nil {
		return nil, ErrNoCertificate
	}
	return watcher.GetCertificate(hello)
}

// Ready returns nil if there is a certificate that is valid now and made for the Service. Whether the API server trusts its
// authority is not looked at.
func (f *Files) Ready() error {
	serving, err := f.GetCertificate(nil)
	if err != nil {
		return err
	}
	itself := x509.NewCertPool()
	itself.AddCert(serving.Leaf)
	if _, err := serving.Leaf.Verify(x509.VerifyOptions{Roots: itself, DNSName: f.host}); err != nil {
		return fmt.Errorf("checking the webhook certificate in %s: %w", f.dir, err)
	}
	return nil
}
