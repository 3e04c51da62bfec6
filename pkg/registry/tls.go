package registry

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// certificateInterval is how often the files of the certificate are read. They are small and in memory, and a new
// certificate comes long before the old one ends.
const certificateInterval = 5 * time.Second

// certificate is a TLS certificate in two files that somebody else replaces, as a mounted Secret is. It is read at intervals
// and not watched for: a Secret is swapped by a symlink of a directory above, and reading tells of everything. (The watcher of
// controller-runtime would bring along its client, its metrics and its logger, which are global.)
type certificate struct {
	cfg     TLSConfig
	log     *slog.Logger
	current atomic.Pointer[readCertificate]
	told    string // the error that was logged last
}

// readCertificate is what was last read.
type readCertificate struct {
	cert, key []byte
	pair      tls.Certificate
}

// newCertificate reads the files of cfg.
func newCertificate(cfg TLSConfig, log *slog.Logger) (*certificate, error) {
	c := &certificate{cfg: cfg, log: log}
	read, err := c.read()
	if err != nil {
		return nil, err
	}
	c.current.Store(read)
	return c, nil
}

// config is for a server that shows the certificate to each new connection as it is then.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &c.current.Load().pair, nil
		},
	}
}

// follow reads the files again and again until ctx ends.
func (c *certificate) follow(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.refresh()
		}
	}
}

// refresh takes up what is in the files now. While they cannot be used the old certificate stays, and each error is logged
// once.
func (c *certificate) refresh() {
	read, err := c.read()
	if err != nil {
		if err.Error() != c.told {
			c.told = err.Error()
			c.log.Error("The certificate cannot be read again; the old one stays.", "error", err)
		}
		return
	}
	c.told = ""
	if old := c.current.Load(); bytes.Equal(read.cert, old.cert) && bytes.Equal(read.key, old.key) {
		return
	}
	c.current.Store(read)
	c.log.Info("There is a new certificate.", "file", c.cfg.CertFile, "until", read.pair.Leaf.NotAfter)
}

func (c *certificate) read() (*readCertificate, error) {
	cert, err := os.ReadFile(c.cfg.CertFile)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	key, err := os.ReadFile(c.cfg.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the key of the certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate in %s with the key in %s: %w", c.cfg.CertFile, c.cfg.KeyFile, err)
	}
	return &readCertificate{cert: cert, key: key, pair: pair}, nil
}
