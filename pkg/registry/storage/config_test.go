package storage_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

func TestSettingsAreReadByTheirNames(t *testing.T) {
	decoder := json.NewDecoder(strings.NewReader(`{"s3":{"bucket":"b","region":"r","endpoint":"e:1","prefix":"p","pathStyle":true,
		"insecure":true,"credentialsDir":"/c"}}`))
	decoder.DisallowUnknownFields()
	var cfg storage.Config
	assert.NilError(t, decoder.Decode(&cfg))
	assert.DeepEqual(t, cfg, storage.Config{S3: &storage.S3Config{
		Bucket: "b", Region: "r", Endpoint: "e:1", Prefix: "p", PathStyle: true, Insecure: true, CredentialsDir: "/c",
	}})
	assert.NilError(t, cfg.Validate())
}

func TestSettingsThatAreRight(t *testing.T) {
	for name, cfg := range map[string]storage.Config{
		"a directory":          {Root: "/var/lib/registry"},
		"a bucket of Amazon's": {S3: &storage.S3Config{Bucket: "b", Region: "eu-west-1"}},
		"another server":       {S3: &storage.S3Config{Bucket: "b", Endpoint: "minio:9000", Insecure: true}},
		"a server's URL":       {S3: &storage.S3Config{Bucket: "b", Endpoint: "https://minio:9000/"}},
		"an address":           {S3: &storage.S3Config{Bucket: "b", Endpoint: "[::1]:9000"}},
	} {
		t.Run(name, func(t *testing.T) { assert.NilError(t, cfg.Validate()) })
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  storage.Config
		want string
	}{
		"nothing":             {storage.Config{}, "root: no root directory is given"},
		"both":                {storage.Config{Root: "/a", S3: &storage.S3Config{}}, "s3: there is a root directory too"},
		"a relative path":     {storage.Config{Root: "a"}, `"a" is not an absolute path`},
		"no bucket":           {storage.Config{S3: &storage.S3Config{Region: "r"}}, "s3.bucket: it is empty"},
		"a bucket's path":     {storage.Config{S3: &storage.S3Config{Bucket: "b/c", Region: "r"}}, "s3.bucket: \"b/c\" has a slash"},
		"no place":            {storage.Config{S3: &storage.S3Config{Bucket: "b"}}, "s3.region: neither a region nor an endpoint"},
		"not HTTP":            {storage.Config{S3: &storage.S3Config{Bucket: "b", Endpoint: "ftp://e"}}, "neither http nor https"},
		"no endpoint":         {storage.Config{S3: &storage.S3Config{Bucket: "b", Endpoint: "https://"}}, "neither host:port nor a URL"},
		"a path":              {storage.Config{S3: &storage.S3Config{Bucket: "b", Endpoint: "https://e/b"}}, "has a path"},
		"secretly insecure":   {storage.Config{S3: &storage.S3Config{Bucket: "b", Endpoint: "http://e"}}, "insecure=false"},
		"insecure and secure": {storage.Config{S3: &storage.S3Config{Bucket: "b", Endpoint: "https://e", Insecure: true}}, "insecure=true"},
		"relative secrets":    {storage.Config{S3: &storage.S3Config{Bucket: "b", Region: "r", CredentialsDir: "c"}}, `"c" is not an absolute path`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, tt.cfg.Validate(), tt.want)
			_, err := storage.Open(t.Context(), tt.cfg, slog.New(slog.DiscardHandler))
			assert.ErrorContains(t, err, tt.want)
		})
	}
}
