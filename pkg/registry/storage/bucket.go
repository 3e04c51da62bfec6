package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/s3"
	s3driver "github.com/distribution/distribution/v3/registry/storage/driver/s3-aws"
)

const (
	// bucketTimeout is how long a bucket is tried before it counts as unreachable.
	bucketTimeout = 30 * time.Second
	// probeKey is the object that is made and removed to see whether a bucket can be written to.
	probeKey = "/.writable"

	// partSize is what is written at once, in bytes: our own client sends four of it in a request. After a part that is too small for
	// another, S3 would have to copy all that is there.
	partSize = 16 << 20

	// The other sizes are those of distribution's driver, in bytes, which has them for its parameters in a configuration file only
	// (registry/storage/driver/s3-aws/s3.go there).
	copySize       = 32 << 20
	copyThreshold  = 32 << 20
	copiesAtOnce   = 100
	privateObjects = s3.ObjectCannedACLPrivate
)

// bucket is what is done with a bucket besides what distribution's driver does.
type bucket struct {
	api    *s3.S3
	cfg    S3Config
	limits limits
}

// openBucket opens a bucket, and tries it.
func openBucket(ctx context.Context, cfg S3Config, log *slog.Logger, limits limits) (*Store, error) {
	id, secret, err := cfg.credentials()
	if err != nil {
		return nil, err
	}
	driver, err := s3driver.New(ctx, s3driver.DriverParameters{
		AccessKey:                   id,
		SecretKey:                   secret,
		Bucket:                      cfg.Bucket,
		Region:                      cfg.region(),
		RegionEndpoint:              cfg.endpointURL(),
		ForcePathStyle:              cfg.PathStyle,
		RootDirectory:               cfg.rootDirectory(),
		Secure:                      !cfg.Insecure,
		V4Auth:                      true,
		ChunkSize:                   partSize,
		MultipartCopyChunkSize:      copySize,
		MultipartCopyThresholdSize:  copyThreshold,
		MultipartCopyMaxConcurrency: copiesAtOnce,
		StorageClass:                s3.StorageClassStandard,
		ObjectACL:                   privateObjects,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the S3 bucket %q: %w", cfg.Bucket, err)
	}
	api, err := cfg.client(id, secret)
	if err != nil {
		return nil, fmt.Errorf("opening the S3 bucket %q: %w", cfg.Bucket, err)
	}
	bucket := &bucket{api: api, cfg: cfg, limits: limits}
	if err := bucket.check(ctx); err != nil {
		return nil, err
	}
	if err := bucket.probe(ctx); err != nil {
		return nil, err
	}
	return &Store{driver: telling{objects{driver, bucket}}, log: log, bucket: bucket}, nil
}

// credentials reads CredentialsDir; they are empty if there is none.
func (c S3Config) credentials() (id, secret string, err error) {
	if c.CredentialsDir == "" {
		return "", "", nil
	}
	if id, err = readFirst(c.CredentialsDir, "access-key-id", "AWS_ACCESS_KEY_ID"); err != nil {
		return "", "", fmt.Errorf("reading the S3 credentials: %w", err)
	}
	if secret, err = readFirst(c.CredentialsDir, "secret-access-key", "AWS_SECRET_ACCESS_KEY"); err != nil {
		return "", "", fmt.Errorf("reading the S3 credentials: %w", err)
	}
	return id, secret, nil
}

// readFirst returns the content, without space around it, of the first of names that is in dir.
func readFirst(dir string, names ...string) (string, error) {
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if value := strings.TrimSpace(string(content)); value != "" {
			return value, nil
		}
		return "", fmt.Errorf("%s in %s is empty", name, dir)
	}
	return "", fmt.Errorf("%s has neither %s", dir, strings.Join(names, " nor "))
}

// client is a client like that of distribution's driver.
func (c S3Config) client(id, secret string) (*s3.S3, error) {
	config := aws.NewConfig().WithRegion(c.region()).WithS3ForcePathStyle(c.PathStyle).WithDisableSSL(c.Insecure)
	if c.Endpoint != "" {
		config.WithEndpoint(c.endpointURL())
	}
	if id != "" {
		config.WithCredentials(credentials.NewStaticCredentials(id, secret, ""))
	}
	made, err := session.NewSession(config)
	if err != nil {
		return nil, err
	}
	return s3.New(made), nil
}

// key is the name of a path's object.
func (b *bucket) key(path string) string { return strings.TrimPrefix(b.cfg.rootDirectory()+path, "/") }

// check returns nil if the bucket is there and may be listed.
func (b *bucket) check(ctx context.Context) error {
	_, err := b.begins(ctx, "/")
	return b.explained(err)
}

// probe returns nil if the bucket may be written to, or is full.
func (b *bucket) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	_, err := b.api.PutObjectWithContext(ctx, &s3.PutObjectInput{
		Bucket: &b.cfg.Bucket, Key: new(b.key(probeKey)), Body: strings.NewReader(""),
	})
	if isFull(err) {
		return nil
	}
	if err == nil {
		_, err = b.api.DeleteObjectWithContext(ctx, &s3.DeleteObjectInput{Bucket: &b.cfg.Bucket, Key: new(b.key(probeKey))})
	}
	return b.explained(err)
}

// begins tells whether there is an object whose path begins so.
func (b *bucket) begins(ctx context.Context, prefix string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	page, err := b.api.ListObjectsV2WithContext(ctx, &s3.ListObjectsV2Input{
		Bucket: &b.cfg.Bucket, Prefix: new(b.key(prefix)), MaxKeys: new(int64(1)),
	})
	if err != nil {
		return false, err
	}
	return len(page.Contents) > 0, nil
}

// size returns that of an object, in bytes, or 0 if there is none.
func (b *bucket) size(ctx context.Context, path string) (int64, error) {
	object, err := b.api.HeadObjectWithContext(ctx, &s3.HeadObjectInput{Bucket: &b.cfg.Bucket, Key: new(b.key(path))})
	if failed, ok := errors.AsType[awserr.RequestFailure](err); ok && failed.StatusCode() == http.StatusNotFound {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("looking for what is whole: %w", err)
	}
	return aws.Int64Value(object.ContentLength), nil
}

// explained is err with a sentence about what is wrong with the settings, or nil.
func (b *bucket) explained(err error) error {
	if err == nil {
		return nil
	}
	code := ""
	if coded, ok := errors.AsType[awserr.Error](err); ok {
		code = coded.Code()
	}
	what := "it cannot be used"
	switch code {
	case s3.ErrCodeNoSuchBucket:
		what = "there is no such bucket"
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired":
		what = "the credentials are not valid there"
	case "AccessDenied", "AllAccessDisabled":
		what = "the credentials give no right to it"
	case "NoCredentialProviders":
		what = "no credentials were found"
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "BucketRegionError":
		what = "it is not in the region " + b.cfg.region()
	case "RequestError", "RequestCanceled":
		what = "the server does not answer"
	}
	return fmt.Errorf("the S3 bucket %q of %s: %s: %w", b.cfg.Bucket, b.server(), what, err)
}

// server is the endpoint as people know it.
func (b *bucket) server() string {
	if b.cfg.Endpoint == "" {
		return "Amazon " + b.cfg.region()
	}
	return b.cfg.Endpoint
}
