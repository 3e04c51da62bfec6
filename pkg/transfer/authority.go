package transfer

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"sync"
)

// authority is a transport that trusts, beside the system's roots, the certificates of a file. It reads them again once the file
// has changed; connections that are there already stay.
type authority struct {
	file    string
	connect func(roots *x509.CertPool) *http.Transport

	mu      sync.Mutex
	read    os.FileInfo     // of the file, when current was made; nil before
	current *http.Transport // nil before the file was read
}

// RoundTrip sends the request as the file says at this moment.
func (a *authority) RoundTrip(req *http.Request) (*http.Response, error) {
	transport, err := a.transport()
	if err != nil {
		if req.Body != nil {
			req.Body.Close() //nolint:errcheck // nothing was read
		}
		return nil, err
	}
	return transport.RoundTrip(req)
}

// transport is the current one. A file that has been there and cannot be read any more is as it was.
func (a *authority) transport() (*http.Transport, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	info, err := os.Stat(a.file)
	if err == nil && a.current != nil && same(info, a.read) {
		return a.current, nil
	}
	roots, readErr := rootsWith(a.file)
	switch {
	case readErr == nil:
		if a.current != nil {
			a.current.CloseIdleConnections()
		}
		a.current, a.read = a.connect(roots), info
	case a.current == nil:
		return nil, readErr
	}
	return a.current, nil
}

// same tells whether a file has not been written to, nor replaced.
func same(a, b os.FileInfo) bool {
	return b != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// rootsWith are the system's roots and those of a PEM file. A file that is empty adds none.
func rootsWith(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the registry's certificate authority: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificate authorities: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) && len(bytes.TrimSpace(pem)) > 0 {
		return nil, fmt.Errorf("reading the registry's certificate authority: there is no certificate in %s", file)
	}
	return roots, nil
}
