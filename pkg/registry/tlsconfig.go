package registry

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// TLSConfig names the certificate of a registry. With neither file it speaks plain HTTP.
type TLSConfig struct {
	// CertFile is a PEM file with the certificate, and those between it and its authority after it.
	CertFile string `json:"certFile"`
	// KeyFile is a PEM file with the certificate's key.
	KeyFile string `json:"keyFile"`
}

func (c TLSConfig) enabled() bool { return c.CertFile != "" || c.KeyFile != "" }

func (c TLSConfig) check() error {
	switch {
	case !c.enabled():
		return nil
	case c.CertFile == "":
		return errors.New("tls.certFile: it is empty; write the file of the key's certificate")
	case c.KeyFile == "":
		return errors.New("tls.keyFile: it is empty; write the file of the certificate's key")
	}
	if _, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile); err != nil {
		return fmt.Errorf("tls.certFile and tls.keyFile: %w; write PEM files that belong together", err)
	}
	return nil
}
