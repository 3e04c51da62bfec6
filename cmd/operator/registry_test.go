package main

import (
	"testing"
	"time"

	"github.com/spf13/pflag"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry"
	"github.com/converged-computing/oras-operator/pkg/registry/access"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

func TestFlagsOfTheRegistryGoBeforeItsFile(t *testing.T) {
	tests := map[string]struct {
		args []string
		want func(cfg *registry.Config)
	}{
		"without either all is as by default": {
			want: func(*registry.Config) {},
		},
		"flags alone": {
			args: []string{"--root=/data", "--addr=:7000", "--drain-timeout=9s", "--tls-cert-file=/c", "--tls-key-file=/k"},
			want: func(cfg *registry.Config) {
				cfg.Storage.Root, cfg.Addr, cfg.DrainTimeout = "/data", ":7000", 9*time.Second
				cfg.TLS = registry.TLSConfig{CertFile: "/c", KeyFile: "/k"}
			},
		},
		"a file": {
			args: []string{"--config=testdata/registry/config.yaml"},
			want: func(cfg *registry.Config) {
				cfg.Addr, cfg.DrainDelay, cfg.MaxUploads = ":6000", time.Second, 7
				cfg.Storage = storage.Config{S3: &storage.S3Config{Bucket: "artifacts"}}
			},
		},
		"a flag changes one field, to nothing too": {
			args: []string{"--config=testdata/registry/config.yaml", "--max-uploads=0", "--auth=htpasswd"},
			want: func(cfg *registry.Config) {
				cfg.Addr, cfg.DrainDelay = ":6000", time.Second
				cfg.Storage = storage.Config{S3: &storage.S3Config{Bucket: "artifacts"}}
				cfg.Access.Auth = access.AuthHtpasswd
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			opts := registryOptions{cfg: registry.DefaultConfig()}
			flags := pflag.NewFlagSet("", pflag.ContinueOnError)
			opts.addFlags(flags)
			assert.NilError(t, flags.Parse(tc.args))
			got, err := opts.config(flags)
			assert.NilError(t, err)
			want := registry.DefaultConfig()
			tc.want(&want)
			assert.DeepEqual(t, got.Addr, want.Addr)
			assert.DeepEqual(t, got.Storage, want.Storage)
			assert.DeepEqual(t, got.TLS, want.TLS)
			assert.DeepEqual(t, got.Access, want.Access)
			assert.DeepEqual(t, got.Collect, want.Collect)
			assert.Equal(t, got.DrainDelay, want.DrainDelay)
			assert.Equal(t, got.DrainTimeout, want.DrainTimeout)
			assert.Equal(t, got.MaxUploads, want.MaxUploads)
		})
	}
}
