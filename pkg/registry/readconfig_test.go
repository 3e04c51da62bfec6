package registry

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
	"github.com/converged-computing/oras-operator/pkg/registry/collect"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

func settings(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	assert.NilError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestEverySettingIsRead(t *testing.T) {
	path := settings(t, `
addr: ":6000"
metricsAddr: ":6001"
httpSecretFile: /secret
drainDelay: 1s
drainTimeout: 1m30s
maxUploads: 7
tls: {certFile: /crt, keyFile: /key}
storage:
  s3: {bucket: b, region: r, endpoint: e, prefix: p, pathStyle: true, insecure: true, credentialsDir: /c}
access: {auth: serviceaccount, cache: ns/oras, htpasswdFile: /users}
collect:
  schedule: "@every 1h"
  gracePeriod: 2h
  lease: ns/lease
  retention:
  - {repositories: "sweep/*", ttl: 72h, keepLast: 3, untagged: 24h}
`)
	got, err := ReadConfig(path)
	assert.NilError(t, err)
	want := Config{
		Addr: ":6000", MetricsAddr: ":6001", HTTPSecretFile: "/secret",
		DrainDelay: time.Second, DrainTimeout: 90 * time.Second, MaxUploads: 7,
		TLS: TLSConfig{CertFile: "/crt", KeyFile: "/key"},
		Storage: storage.Config{S3: &storage.S3Config{
			Bucket: "b", Region: "r", Endpoint: "e", Prefix: "p", PathStyle: true, Insecure: true, CredentialsDir: "/c",
		}},
		Access: access.Config{Auth: access.AuthServiceAccount, Cache: "ns/oras", HtpasswdFile: "/users"},
		Collect: collect.Config{
			Schedule: "@every 1h", GracePeriod: 2 * time.Hour, Lease: "ns/lease",
			Retention: []collect.Rule{{Repositories: "sweep/*", TTL: 72 * time.Hour, KeepLast: 3, Untagged: 24 * time.Hour}},
		},
		file: path,
	}
	assert.Assert(t, reflect.DeepEqual(got, want), "%+v", got)
}

func TestWhatAFileDoesNotSayIsAsByDefault(t *testing.T) {
	tests := map[string]string{
		"an empty file": "", "comments": "# nothing\n", "an empty mapping": "{}", "an empty section": "storage: {}\ntls:\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ReadConfig(settings(t, text))
			assert.NilError(t, err)
			got.file = ""
			assert.Assert(t, reflect.DeepEqual(got, DefaultConfig()), "%+v", got)
		})
	}
}

func TestMistakesInAFileAreToldWithWhatToWrite(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"an unknown key": {
			text: "adr: :5000", want: []string{"adr: there is no such key; write one of access, addr,"},
		},
		"a key in other letters": {
			text: "Addr: :5000", want: []string{"Addr: there is no such key"},
		},
		"an unknown key below": {
			text: "storage: {s3: {bucket: b, zone: x}}", want: []string{"storage.s3.zone: there is no such key; write one of bucket,"},
		},
		"an unknown key in a list": {
			text: "collect: {retention: [{ttl: 1h}, {tll: 1h}]}", want: []string{"collect.retention[1].tll: there is no such key"},
		},
		"a number for a duration": {
			text: "drainDelay: 5", want: []string{"drainDelay: 5 is no duration; write one such as 25s"},
		},
		"a duration below": {
			text: "collect: {retention: [{ttl: 3 days}]}", want: []string{"collect.retention[0].ttl: 3 days is no duration"},
		},
		"a number for text":      {text: "addr: 5000", want: []string{"addr: 5000 is no text; write it in quotes"}},
		"text for a number":      {text: "maxUploads: many", want: []string{"maxUploads: many is no whole number"}},
		"text for a bool":        {text: `storage: {s3: {insecure: "yes"}}`, want: []string{"storage.s3.insecure: yes is neither true nor false"}},
		"text for a section":     {text: "tls: on", want: []string{"tls:", "is no mapping; write keys of certFile, keyFile"}},
		"a section for a list":   {text: "collect: {retention: {ttl: 1h}}", want: []string{"collect.retention:", "is no list"}},
		"a list for the file":    {text: "[1]", want: []string{"is no mapping"}},
		"a key twice":            {text: "addr: a\naddr: b", want: []string{"addr"}},
		"what is no YAML":        {text: "addr: [", want: []string{"yaml"}},
		"several are all told":   {text: "adr: x\ndrainDelay: 5\nmaxUploads: x", want: []string{"adr:", "drainDelay:", "maxUploads:"}},
		"a section that is text": {text: "access: none", want: []string{"access: none is no mapping; write keys of auth, cache, htpasswdFile"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			path := settings(t, tc.text)
			_, err := ReadConfig(path)
			assert.ErrorIs(t, err, ErrConfig)
			for _, want := range tc.want {
				assert.ErrorContains(t, err, want)
			}
			for line := range strings.Lines(err.Error()) {
				assert.Assert(t, cmp.Contains(line, "registry configuration in "+path), line)
			}
		})
	}
}

func TestAFileThatIsNotThere(t *testing.T) {
	_, err := ReadConfig(filepath.Join(t.TempDir(), "none"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorIs(t, err, ErrConfig)
}
