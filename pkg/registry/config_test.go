package registry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

func TestEveryMistakeIsToldAtOnceByItsKey(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	path := settings(t, `
addr: "5000"
metricsAddr: "localhost:metrics"
httpSecretFile: /not/there
drainDelay: -1s
drainTimeout: -1s
maxUploads: -1
tls: {certFile: /some/file}
storage: {root: `+root+`, s3: {bucket: b}}
access: {auth: ldap}
collect:
  gracePeriod: -1h
  lease: lease
  retention:
  - {ttl: -1h}
`)
	cfg, err := ReadConfig(path)
	assert.NilError(t, err)
	_, err = New(cfg)
	assert.ErrorIs(t, err, ErrConfig)
	var keys []string
	for line := range strings.Lines(err.Error()) {
		rest, ok := strings.CutPrefix(line, "registry configuration in "+path+": ")
		assert.Assert(t, ok, line)
		key, _, _ := strings.Cut(rest, ":")
		keys = append(keys, key)
	}
	assert.DeepEqual(t, keys, []string{
		"addr", "metricsAddr", "drainDelay", "drainTimeout", "maxUploads", "tls.keyFile",
		"storage.s3",
		"access.auth",
		"collect.gracePeriod", "collect.lease", "collect.retention[0]",
		"httpSecretFile",
	})
	_, err = os.Stat(root)
	assert.ErrorIs(t, err, os.ErrNotExist, "nothing is made for a configuration that is wrong")
}

func TestValuesThatMakeNoSense(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"metrics where the API is":         {func(c *Config) { c.Addr, c.MetricsAddr = ":5000", ":5000" }, "metricsAddr: :5000 is addr too"},
		"a bucket without a name":          {func(c *Config) { c.Storage = storage.Config{S3: &storage.S3Config{}} }, "storage.s3.bucket: it is empty"},
		"a key without a certificate":      {func(c *Config) { c.TLS.KeyFile = "/key" }, "tls.certFile: it is empty"},
		"a certificate that is not there":  {func(c *Config) { c.TLS = TLSConfig{"/crt", "/key"} }, "tls.certFile and tls.keyFile:"},
		"ServiceAccounts of no OrasCache":  {func(c *Config) { c.Access.Auth = access.AuthServiceAccount }, `access.cache: "" is not NAMESPACE/NAME`},
		"ServiceAccounts of a wrong name":  {func(c *Config) { c.Access = access.Config{Auth: access.AuthServiceAccount, Cache: "a/b/c"} }, `"a/b/c" is not NAMESPACE/NAME`},
		"users without a file":             {func(c *Config) { c.Access.Auth = access.AuthHtpasswd }, "access.htpasswdFile: it is empty"},
		"users in a file that is not here": {func(c *Config) { c.Access = access.Config{Auth: access.AuthHtpasswd, HtpasswdFile: "/not/there"} }, "no such file"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Storage.Root = t.TempDir()
			tc.change(&cfg)
			_, err := New(cfg)
			assert.ErrorIs(t, err, ErrConfig)
			assert.Assert(t, cmp.Contains(err.Error(), tc.want))
		})
	}
}

func TestTheLibraryIsConfiguredForUs(t *testing.T) {
	cfg := libraryConfig(nil, []byte("secret"))
	assert.Equal(t, cfg.Storage["delete"]["enabled"], true)
	assert.Equal(t, cfg.Storage["redirect"]["disable"], true)
	assert.DeepEqual(t, cfg.Storage["maintenance"]["uploadpurging"], map[any]any{"enabled": false})
	assert.Assert(t, cfg.Storage["cache"] == nil, "a cache would know blobs that are gone")
	assert.Assert(t, cfg.HTTP.RelativeURLs)
	assert.Equal(t, cfg.HTTP.Secret, "secret")
}
