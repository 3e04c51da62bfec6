package access

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// The values of [Config.Auth].
const (
	// AuthNone lets everybody who can reach the registry do everything.
	AuthNone = "none"
	// AuthServiceAccount takes tokens of ServiceAccounts of the cluster, and asks its RBAC what they may.
	AuthServiceAccount = "serviceaccount"
	// AuthHtpasswd takes the users of a file, who may do everything.
	AuthHtpasswd = "htpasswd"
)

// Config says who may use a registry. Its zero value lets everybody do everything.
type Config struct {
	// Auth is how callers show who they are: [AuthNone] (the default), [AuthServiceAccount] or [AuthHtpasswd].
	Auth string `json:"auth,omitempty"`

	// Cache is the OrasCache whose registry this is, as NAMESPACE/NAME. Required for [AuthServiceAccount].
	Cache string `json:"cache,omitempty"`

	// HtpasswdFile is a file with a line USER:HASH for each user, as `htpasswd -B` writes it. Required for [AuthHtpasswd]. It
	// is read again when it changes.
	HtpasswdFile string `json:"htpasswdFile,omitempty"`
}

// Validate returns what is wrong with c, by its key, or nil. It reads no file.
func (c Config) Validate() error {
	switch c.Auth {
	case "", AuthNone:
		return nil
	case AuthServiceAccount:
		_, err := parseCache(c.Cache)
		return err
	case AuthHtpasswd:
		if c.HtpasswdFile == "" {
			return errors.New("htpasswdFile: it is empty; write the file with the users")
		}
		return nil
	default:
		return fmt.Errorf("auth: there is no %q; write %s, %s or %s", c.Auth, AuthNone, AuthServiceAccount, AuthHtpasswd)
	}
}

// cacheName is an OrasCache.
type cacheName struct{ namespace, name string }

// parseCache reads NAMESPACE/NAME.
func parseCache(s string) (cacheName, error) {
	namespace, name, _ := strings.Cut(s, "/")
	if len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1035Label(name)) > 0 {
		return cacheName{}, fmt.Errorf("cache: %q is not NAMESPACE/NAME of an OrasCache", s)
	}
	return cacheName{namespace: namespace, name: name}, nil
}

// audience is what tokens for the registry of that OrasCache are made for.
func (c cacheName) audience() string { return "oras://" + c.namespace + "/" + c.name }
