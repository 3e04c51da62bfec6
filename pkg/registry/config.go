package registry

import (
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// DefaultAddr is where a registry listens by default: the port that clients of a cache expect.
	DefaultAddr = ":5000"
	// DefaultRoot is the directory of a registry's data by default, which is also that of the distribution images.
	DefaultRoot = "/var/lib/registry"
	// DefaultDrainTimeout is the time that requests under way get to end when the server stops. It is less than the 30 s
	// that Kubernetes waits before it kills a pod.
	DefaultDrainTimeout = 25 * time.Second

	// minSecretSize is in bytes: half of the digest size of the HMAC-SHA256 that the secret keys, below which it is weak.
	minSecretSize = 16
)

// Config is every setting of a registry. Its zero value is not usable: Root is required.
type Config struct {
	// Addr is the TCP address that [Serve] listens on, host:port. Default: [DefaultAddr]. [New] does not use it.
	Addr string

	// Root is the directory that holds all data. It is made if it is not there, and must be writable.
	Root string

	// SecretFile is a file with at least 16 bytes, with which the state of unfinished uploads is signed. Servers that have
	// the same one continue each other's uploads. Default: none; a secret is made up at each start, and uploads under way
	// do not outlive the server.
	SecretFile string

	// DrainTimeout is how long [Serve] lets requests under way go on once it is told to stop, before it cuts them.
	// Default: [DefaultDrainTimeout]. It must not be negative.
	DrainTimeout time.Duration
}

// ErrConfig is wrapped by every error that a wrong [Config] causes.
var ErrConfig = errors.New("registry configuration")

// withDefaults returns c with the defaults in its empty fields.
func (c Config) withDefaults() Config {
	if c.Addr == "" {
		c.Addr = DefaultAddr
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = DefaultDrainTimeout
	}
	return c
}

// validate returns what is wrong with c, or nil. It makes Root if it is not there, since only a write shows that it can
// be written.
func (c Config) validate() error {
	if c.Root == "" {
		return fmt.Errorf("%w: no root directory is given", ErrConfig)
	}
	if c.DrainTimeout < 0 {
		return fmt.Errorf("%w: a drain timeout of %s is negative", ErrConfig, c.DrainTimeout)
	}
	if err := os.MkdirAll(c.Root, 0o750); err != nil {
		return fmt.Errorf("%w: making the root directory: %w", ErrConfig, err)
	}
	if err := checkWritable(c.Root); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

// secret reads SecretFile; it is nil if there is none.
func (c Config) secret() ([]byte, error) {
	if c.SecretFile == "" {
		return nil, nil
	}
	secret, err := os.ReadFile(c.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("%w: reading the secret: %w", ErrConfig, err)
	}
	if len(secret) < minSecretSize {
		return nil, fmt.Errorf("%w: the secret in %s has %d bytes, it needs %d or more",
			ErrConfig, c.SecretFile, len(secret), minSecretSize)
	}
	return secret, nil
}
