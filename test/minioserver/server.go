// Package minioserver runs a real MinIO server for tests: a process of its own, of a binary that `make bin/minio` builds from
// its module. Nothing of it is linked into anything of ours.
package minioserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/s3"
	"gotest.tools/v3/assert"
)

const (
	// Region is the server's, and refuses requests that are meant for another.
	Region = "us-east-1"
	// Binary is the environment variable with the path of the server's binary.
	Binary = "MINIO"

	// patience is how long a server may take to answer, on a machine that is busy with much else.
	patience = 2 * time.Minute
	// tries are how often a server is started, since somebody else may take the port that was free a moment ago.
	tries = 5
	retry = 50 * time.Millisecond
)

// Server is a server that answers.
type Server struct {
	// Addr is its address on the loopback interface, host:port. It speaks HTTP.
	Addr string
	// AccessKey and SecretKey are the credentials of its administrator.
	AccessKey, SecretKey string
}

// Start runs a server with its data in a temporary directory until the test ends. Without a binary in [Binary] the test is
// skipped, but fails where CI is true.
func Start(t testing.TB) *Server {
	t.Helper()
	binary := os.Getenv(Binary)
	if binary == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set: make test-unit sets it", Binary)
		}
		t.Skipf("%s is not set: make test-unit sets it", Binary)
	}
	server := &Server{AccessKey: rand.Text(), SecretKey: rand.Text()}
	for range tries {
		if server.start(t, binary) {
			return server
		}
	}
	t.Fatalf("MinIO did not start, %d times", tries)
	return nil
}

// API is a client of its administrator.
func (s *Server) API(t testing.TB) *s3.S3 {
	t.Helper()
	// By default it is the client of all, into which a session puts the authorities of AWS_CA_BUNDLE.
	own := &http.Client{}
	made, err := session.NewSession(aws.NewConfig().WithEndpoint("http://" + s.Addr).WithRegion(Region).
		WithHTTPClient(own).WithS3ForcePathStyle(true).WithCredentials(credentials.NewStaticCredentials(s.AccessKey, s.SecretKey, "")))
	assert.NilError(t, err)
	return s3.New(made)
}

// Bucket makes a bucket and returns its name.
func (s *Server) Bucket(t testing.TB, name string) string {
	t.Helper()
	_, err := s.API(t).CreateBucketWithContext(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	assert.NilError(t, err)
	return name
}

// Credentials writes the server's credentials as a mounted Secret has them, and returns the directory.
func (s *Server) Credentials(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, value := range map[string]string{"access-key-id": s.AccessKey, "secret-access-key": s.SecretKey} {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(value+"\n"), 0o600))
	}
	return dir
}

// start runs the server on a port that is free now, and tells whether it came to answer.
func (s *Server) start(t testing.TB, binary string) bool {
	s.Addr = freeAddr(t)
	output := &output{}
	server := exec.Command(binary, "server", "--quiet", "--address", s.Addr, "--console-address", freeAddr(t), t.TempDir())
	server.Env = append(os.Environ(), "MINIO_ROOT_USER="+s.AccessKey, "MINIO_ROOT_PASSWORD="+s.SecretKey, "MINIO_BROWSER=off",
		"MINIO_UPDATE=off", "MINIO_SITE_REGION="+Region, "HOME="+t.TempDir(), "GOMEMLIMIT=256MiB")
	server.Stdout, server.Stderr = output, output
	// It ends with the test's process, however that ends.
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	assert.NilError(t, server.Start())
	ended := make(chan struct{})
	go func() {
		_ = server.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may have ended
		<-ended
		if t.Failed() {
			t.Logf("MinIO wrote:\n%s", output)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !s.answers(ctx) {
		select {
		case <-ended:
			return false
		case <-ctx.Done():
			t.Fatalf("MinIO does not answer after %s", patience)
		case <-time.After(retry):
		}
	}
	return true
}

// answers asks the server whether it serves.
func (s *Server) answers(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/minio/health/cluster", s.Addr), http.NoBody)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close() // it was only read
	return res.StatusCode == http.StatusOK
}

// freeAddr is an address that nothing listens on at this moment.
func freeAddr(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // it was to find the port
	return listener.Addr().String()
}

// output is what a process wrote.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
