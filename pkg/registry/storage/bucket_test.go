package storage_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
	"github.com/converged-computing/oras-operator/test/minioserver"
)

func TestABucketConforms(t *testing.T) {
	server := minioserver.Start(t)
	credentials := server.Credentials(t)
	count := 0
	for name, prefix := range map[string]string{"whole": "", "below a prefix": "/some/where/"} {
		t.Run(name, func(t *testing.T) {
			conform(t, func(t *testing.T) (*storage.Store, func() *storage.Store) {
				count++
				cfg := storage.Config{S3: &storage.S3Config{
					Bucket: server.Bucket(t, fmt.Sprintf("bucket-%d", count)), Endpoint: server.Addr, Prefix: prefix,
					PathStyle: true, Insecure: true, CredentialsDir: credentials,
				}}
				// A replica has it beside the first.
				return open(t, cfg), func() *storage.Store { return open(t, cfg) }
			})
		})
	}
}

func TestABucketThatCannotBeUsedIsToldWithItsReason(t *testing.T) {
	server := minioserver.Start(t)
	good := storage.S3Config{
		Bucket: server.Bucket(t, "there"), Endpoint: server.Addr, PathStyle: true, Insecure: true, CredentialsDir: server.Credentials(t),
	}
	stranger, wrong := *server, *server
	stranger.AccessKey = "somebody-else"
	wrong.SecretKey = "something-else"
	for name, tt := range map[string]struct {
		change func(*storage.S3Config)
		want   string
	}{
		"no bucket":         {func(c *storage.S3Config) { c.Bucket = "elsewhere" }, "there is no such bucket"},
		"an unknown key":    {func(c *storage.S3Config) { c.CredentialsDir = stranger.Credentials(t) }, "the credentials are not valid there"},
		"a wrong secret":    {func(c *storage.S3Config) { c.CredentialsDir = wrong.Credentials(t) }, "the credentials are not valid there"},
		"nobody":            {func(c *storage.S3Config) { c.Endpoint = "127.0.0.1:1" }, "the server does not answer"},
		"no credentials":    {func(c *storage.S3Config) { c.CredentialsDir = t.TempDir() }, "neither access-key-id nor AWS_ACCESS_KEY_ID"},
		"another region":    {func(c *storage.S3Config) { c.Region = "eu-west-1" }, "it is not in the region eu-west-1"},
		"no such directory": {func(c *storage.S3Config) { c.CredentialsDir = t.TempDir() + "/none" }, "has neither"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			tt.change(&cfg)
			_, err := storage.Open(t.Context(), storage.Config{S3: &cfg}, slog.New(slog.DiscardHandler))
			assert.ErrorContains(t, err, tt.want)
			assert.Assert(t, !strings.Contains(err.Error(), server.SecretKey), err)
		})
	}
	open(t, storage.Config{S3: &good})
}

func TestTheFilesOfCredentialsMayHaveTheNamesOfTheirVariables(t *testing.T) {
	server := minioserver.Start(t)
	credentials := t.TempDir()
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": server.AccessKey, "AWS_SECRET_ACCESS_KEY": server.SecretKey} {
		assert.NilError(t, os.WriteFile(credentials+"/"+name, []byte(value), 0o600))
	}
	open(t, storage.Config{S3: &storage.S3Config{
		Bucket: server.Bucket(t, "there"), Endpoint: "http://" + server.Addr, PathStyle: true, Insecure: true, CredentialsDir: credentials,
	}})
}

func TestWithoutFilesTheCredentialsAreThoseOfTheEnvironment(t *testing.T) {
	server := minioserver.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", server.SecretKey)
	store := open(t, storage.Config{S3: &storage.S3Config{
		Bucket: server.Bucket(t, "there"), Endpoint: server.Addr, PathStyle: true, Insecure: true,
	}})
	put(t, store, dir+"/a", "hello")
	got(t, store, dir+"/a", "hello")
}

func TestWhereThereAreNoCredentialsThatIsSaid(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	_, err := storage.Open(t.Context(), storage.Config{S3: &storage.S3Config{Bucket: "b", Endpoint: "127.0.0.1:1", Insecure: true, PathStyle: true}},
		slog.New(slog.DiscardHandler))
	assert.ErrorContains(t, err, "no credentials were found")
}

func TestAServerThatDoesNotAnswerIsNotWaitedForForGood(t *testing.T) {
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	defer server.Close()
	credentials := (&minioserver.Server{AccessKey: "a", SecretKey: "b"}).Credentials(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := storage.Open(ctx, storage.Config{S3: &storage.S3Config{
		Bucket: "b", Endpoint: server.URL, Insecure: true, PathStyle: true, CredentialsDir: credentials,
	}}, slog.New(slog.DiscardHandler))
	assert.ErrorContains(t, err, "the server does not answer")
}

func TestOnlyOwnPartsAreLookedForInABucket(t *testing.T) {
	server := minioserver.Start(t)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: server.Addr})
	var asked []string
	recorded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if query := req.URL.Query(); query.Has("uploads") && req.Method == http.MethodGet {
			asked = append(asked, query.Get("prefix"))
		}
		proxy.ServeHTTP(w, req)
	}))
	defer recorded.Close()
	store := open(t, storage.Config{S3: &storage.S3Config{
		Bucket: server.Bucket(t, "shared"), Endpoint: recorded.URL, PathStyle: true, Insecure: true, CredentialsDir: server.Credentials(t),
	}})
	_, err := store.AbandonUploads(t.Context(), 24*time.Hour)
	assert.NilError(t, err)
	assert.DeepEqual(t, asked, []string{"docker/registry/v2/"})
}

func TestAnUploadGoesOnAtAnotherReplica(t *testing.T) {
	server := minioserver.Start(t)
	cfg := storage.Config{S3: &storage.S3Config{
		Bucket: server.Bucket(t, "shared"), Endpoint: server.Addr, PathStyle: true, Insecure: true, CredentialsDir: server.Credentials(t),
	}}
	stores := []*storage.Store{open(t, cfg), open(t, cfg)}
	replicas := []library{serve(t, stores[0], nil), serve(t, stores[1], nil)}
	at := func(i int, location string) string {
		return strings.Replace(location, replicas[1-i].URL, replicas[i].URL, 1)
	}
	content := text(13 << 20)
	d := digest.FromString(content)

	res := replicas[1].do(t, http.MethodPatch, at(1, replicas[0].begin(t)), content[:6<<20])
	assert.Equal(t, res.StatusCode, http.StatusAccepted)
	res = replicas[0].do(t, http.MethodPatch, at(0, res.Header.Get("Location")), content[6<<20:12<<20])
	assert.Equal(t, res.StatusCode, http.StatusAccepted)
	res = replicas[1].do(t, http.MethodPut, at(1, res.Header.Get("Location"))+"&digest="+d.String(), content[12<<20:])
	assert.Equal(t, res.StatusCode, http.StatusCreated)
	got(t, stores[0], layout.BlobData(d), content)
	assertNoUploads(t, stores[0])

	res = replicas[0].upload(t, "hello", digest.FromString("something else"))
	assert.Equal(t, res.StatusCode, http.StatusBadRequest)
	removed, err := stores[1].AbandonUploads(t.Context(), time.Hour)
	assert.NilError(t, err)
	assert.Equal(t, removed, 0)
}
