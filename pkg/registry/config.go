package registry

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
	"github.com/converged-computing/oras-operator/pkg/registry/collect"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

const (
	// DefaultAddr is where a registry listens by default: the port that clients of a cache expect.
	DefaultAddr = ":5000"
	// DefaultRoot is the directory of a registry's data by default, which is also that of the distribution images.
	DefaultRoot = "/var/lib/registry"
	// DefaultDrainDelay is how long a registry that was told to stop goes on as before, so that clients learn of it.
	DefaultDrainDelay = 5 * time.Second
	// DefaultDrainTimeout is the time that requests under way get to end when the server stops. It is less than the 30 s
	// that Kubernetes waits before it kills a pod.
	DefaultDrainTimeout = 25 * time.Second

	// minSecretSize is in bytes: half of the digest size of the HMAC-SHA256 that the secret keys, below which it is weak.
	minSecretSize = 16
)

// Config is every setting of a registry. Its zero value is not usable: a storage is required. [DefaultConfig] has what is
// set where nobody says anything else.
type Config struct {
	// Addr is the TCP address that [Serve] listens on, host:port. Empty: [DefaultAddr]. [New] does not use it.
	Addr string `json:"addr"`

	// MetricsAddr is the TCP address, host:port, at which [Serve] gives metrics and the status, without credentials and by
	// plain HTTP. Empty: nowhere.
	MetricsAddr string `json:"metricsAddr"`

	// HTTPSecretFile is a file with at least 16 bytes, with which the state of unfinished uploads is signed. Servers that
	// have the same one continue each other's uploads. Empty: a secret is made up at each start, and uploads under way do
	// not outlive the server.
	HTTPSecretFile string `json:"httpSecretFile"`

	// DrainDelay is how long [Serve] answers as before once it is told to stop, but for /readyz, which says so. It must not
	// be negative.
	DrainDelay time.Duration `json:"drainDelay"`

	// DrainTimeout is how long requests under way may go on once [Serve] is told to stop, before it cuts them. It counts
	// from then, so it has DrainDelay in it. It must not be negative.
	DrainTimeout time.Duration `json:"drainTimeout"`

	// MaxUploads is how many requests may send content at the same time; more are turned away for a while. 0: any number.
	MaxUploads int `json:"maxUploads"`

	// TLS is the certificate; its files are read again when they change. Empty: plain HTTP.
	TLS TLSConfig `json:"tls"`
	// Storage is where everything is kept.
	Storage storage.Config `json:"storage"`
	// Access is who may do what. Empty: everybody may do everything.
	Access access.Config `json:"access"`
	// Collect is what is removed, and when. Empty: nothing, never.
	Collect collect.Config `json:"collect"`

	// file is where the settings were read from, for messages.
	file string
}

// DefaultConfig returns the settings that hold where nobody says anything else.
func DefaultConfig() Config {
	return Config{
		Addr:         DefaultAddr,
		DrainDelay:   DefaultDrainDelay,
		DrainTimeout: DefaultDrainTimeout,
		Storage:      storage.Config{Root: DefaultRoot},
		Access:       access.Config{Auth: access.AuthNone},
		Collect:      collect.Config{GracePeriod: collect.DefaultGracePeriod},
	}
}

// ErrConfig is wrapped by every error that a wrong [Config] causes.
var ErrConfig = errors.New("registry configuration")

// validate returns everything that is wrong with c, or nil. Storage and files of users are looked at when they are opened.
func (c Config) validate() error {
	wrong := []error{
		checkAddr("addr", c.Addr),
		checkAddr("metricsAddr", c.MetricsAddr),
		c.checkPorts(),
		notNegative("drainDelay", c.DrainDelay),
		notNegative("drainTimeout", c.DrainTimeout),
		c.checkMaxUploads(),
		c.TLS.check(),
	}
	wrong = append(wrong, under("storage", c.Storage.Validate())...)
	wrong = append(wrong, under("access", c.Access.Validate())...)
	wrong = append(wrong, under("collect", c.Collect.Validate())...)
	_, err := c.secret()
	wrong = append(wrong, err)
	return inConfig(c.file, wrong...)
}

// inConfig returns one error of all that are not nil, each on its line with the file that is at fault, if there is one. It
// is nil if they all are.
func inConfig(file string, wrong ...error) error {
	var lines []error
	for _, err := range wrong {
		switch {
		case err == nil:
		case file == "":
			lines = append(lines, fmt.Errorf("%w: %w", ErrConfig, err))
		default:
			lines = append(lines, fmt.Errorf("%w in %s: %w", ErrConfig, file, err))
		}
	}
	return errors.Join(lines...)
}

// under returns the errors that [errors.Join] made err of, each with the key of what it is about.
func under(key string, err error) (wrong []error) {
	if err == nil {
		return nil
	}
	parts := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		parts = joined.Unwrap()
	}
	for _, part := range parts {
		wrong = append(wrong, fmt.Errorf("%s.%w", key, part))
	}
	return wrong
}

func checkAddr(key, addr string) error {
	if addr == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%s: %q is no address; write host:port or :port", key, addr)
	}
	return nil
}

func (c Config) checkPorts() error {
	_, port, err := net.SplitHostPort(c.MetricsAddr)
	if err != nil || port == "0" || c.MetricsAddr != c.Addr {
		return nil
	}
	return fmt.Errorf("metricsAddr: %s is addr too; write another port", c.MetricsAddr)
}

func notNegative(key string, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%s: %s is negative; write a duration such as 25s", key, d)
	}
	return nil
}

func (c Config) checkMaxUploads() error {
	if c.MaxUploads < 0 {
		return fmt.Errorf("maxUploads: %d is negative; write 0 for any number", c.MaxUploads)
	}
	return nil
}

// secret reads HTTPSecretFile; it is nil if there is none.
func (c Config) secret() ([]byte, error) {
	if c.HTTPSecretFile == "" {
		return nil, nil
	}
	secret, err := os.ReadFile(c.HTTPSecretFile)
	if err != nil {
		return nil, fmt.Errorf("httpSecretFile: reading the secret: %w", err)
	}
	if len(secret) < minSecretSize {
		return nil, fmt.Errorf("httpSecretFile: the secret in %s has %d bytes, it needs %d or more",
			c.HTTPSecretFile, len(secret), minSecretSize)
	}
	return secret, nil
}
