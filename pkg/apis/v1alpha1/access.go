package v1alpha1

import "cmp"

// What spec.auth may be: who may use a registry. The empty string means [AuthNone].
const (
	AuthNone           = "none"           // everybody who can reach it
	AuthServiceAccount = "serviceaccount" // tokens of the namespace's ServiceAccounts
	AuthHtpasswd       = "htpasswd"       // users with a password
)

// What spec.defaultAccess may be: what every ServiceAccount of the namespace may do. The empty string means [AccessPush].
const (
	AccessPush = "push" // and pull
	AccessPull = "pull"
	AccessNone = "none"
)

// CAKey is the key of the certificates in the ConfigMap that [OrasCache.CASource] names.
const CAKey = "ca.crt"

// Keys of the Secret that [OrasCache.CredentialsSource] names, which are those of the key oras-env.
const (
	CredentialsUser     = "ORAS_USER"
	CredentialsPassword = "ORAS_PASS"
)

// AuthMode is spec.auth with its default.
func (c *OrasCache) AuthMode() string { return cmp.Or(c.Spec.Auth, AuthNone) }

// UsesTLS tells whether the registry speaks HTTPS, and only that.
func (c *OrasCache) UsesTLS() bool { return c.Spec.TLS.Enabled }

// CASource is the ConfigMap of the namespace that holds, under [CAKey], the certificates to trust the registry by, as PEM. The
// operator keeps it up to date. It is empty where the registry speaks HTTP.
func (c *OrasCache) CASource() string {
	if !c.UsesTLS() {
		return ""
	}
	return c.Name + "-ca"
}

// TokenAudience is the audience of the ServiceAccount tokens of the namespace that the registry takes, as Bearer or as the
// password of any user; empty where it takes none.
func (c *OrasCache) TokenAudience() string {
	if c.AuthMode() != AuthServiceAccount {
		return ""
	}
	return "oras://" + c.Namespace + "/" + c.Name
}

// CredentialsSource is the Secret of the namespace with the user and the password of steps, in [CredentialsUser] and
// [CredentialsPassword]. The operator makes it. It is empty where the registry wants none.
func (c *OrasCache) CredentialsSource() string {
	if c.AuthMode() != AuthHtpasswd {
		return ""
	}
	return c.Name + "-steps"
}
