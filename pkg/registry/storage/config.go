package storage

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// Config says where a registry keeps its data: exactly one of its fields is set.
type Config struct {
	// Root is the directory of all data, an absolute path. It is made if it is not there, and must be writable.
	Root string `json:"root,omitempty"`
	// S3 is the bucket of all data.
	S3 *S3Config `json:"s3,omitempty"`
}

// S3Config says which bucket, of whom.
type S3Config struct {
	// Bucket is its name. It must be there already.
	Bucket string `json:"bucket"`
	// Region is that of the bucket. Default: us-east-1 where Endpoint is given, which most servers but Amazon's take; otherwise required.
	Region string `json:"region,omitempty"`
	// Endpoint is the server, as host:port or a URL. Default: Amazon's of the region.
	Endpoint string `json:"endpoint,omitempty"`
	// Prefix is a directory in the bucket, below which everything is kept. Default: none.
	Prefix string `json:"prefix,omitempty"`
	// PathStyle asks for https://endpoint/bucket instead of https://bucket.endpoint.
	PathStyle bool `json:"pathStyle,omitempty"`
	// Insecure speaks HTTP instead of HTTPS.
	Insecure bool `json:"insecure,omitempty"`
	// CredentialsDir is a directory, such as a mounted Secret, with the files access-key-id and secret-access-key, or
	// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. They are read once. Default: what the AWS SDK finds: the environment, a
	// shared file, the role of a pod or a machine.
	CredentialsDir string `json:"credentialsDir,omitempty"`
}

// defaultRegion is what servers other than Amazon's call theirs, unless told otherwise.
const defaultRegion = "us-east-1"

// Validate returns everything that is wrong with c, each by its key, or nil. It looks at c alone, not at disks or networks.
func (c Config) Validate() error {
	switch {
	case c.Root != "" && c.S3 != nil:
		return errors.New("s3: there is a root directory too; write one of the two")
	case c.S3 != nil:
		return c.S3.validate()
	case c.Root == "":
		return errors.New("root: no root directory is given; write a directory, or s3")
	case !filepath.IsAbs(c.Root):
		return fmt.Errorf("root: %q is not an absolute path; write one", c.Root)
	}
	return nil
}

func (c S3Config) validate() error {
	var wrong []error
	if c.Bucket == "" {
		wrong = append(wrong, errors.New("s3.bucket: it is empty; write the name of a bucket"))
	}
	if strings.Contains(c.Bucket, "/") {
		wrong = append(wrong, fmt.Errorf("s3.bucket: %q has a slash; write a directory in it as s3.prefix", c.Bucket))
	}
	if c.Region == "" && c.Endpoint == "" {
		wrong = append(wrong, errors.New("s3.region: neither a region nor an endpoint is given; write one of the two"))
	}
	if c.Endpoint != "" {
		wrong = append(wrong, c.validateEndpoint())
	}
	if c.CredentialsDir != "" && !filepath.IsAbs(c.CredentialsDir) {
		wrong = append(wrong, fmt.Errorf("s3.credentialsDir: %q is not an absolute path; write one", c.CredentialsDir))
	}
	return errors.Join(wrong...)
}

func (c S3Config) validateEndpoint() error {
	endpoint, err := url.Parse(c.endpointURL())
	switch {
	case err != nil || endpoint.Host == "":
		return fmt.Errorf("s3.endpoint: %q is neither host:port nor a URL", c.Endpoint)
	case endpoint.Scheme != "http" && endpoint.Scheme != "https":
		return fmt.Errorf("s3.endpoint: %q is of neither http nor https", c.Endpoint)
	case c.Insecure != (endpoint.Scheme == "http"):
		return fmt.Errorf("s3.endpoint: %q and insecure=%t contradict each other", c.Endpoint, c.Insecure)
	case strings.Trim(endpoint.Path, "/") != "" || endpoint.RawQuery != "":
		return fmt.Errorf("s3.endpoint: %q has a path; write it as s3.prefix", c.Endpoint)
	}
	return nil
}

// endpointURL is Endpoint with its scheme.
func (c S3Config) endpointURL() string {
	switch {
	case c.Endpoint == "" || strings.Contains(c.Endpoint, "://"):
		return c.Endpoint
	case c.Insecure:
		return "http://" + c.Endpoint
	}
	return "https://" + c.Endpoint
}

// region is Region, or its default.
func (c S3Config) region() string {
	if c.Region == "" {
		return defaultRegion
	}
	return c.Region
}

// rootDirectory is Prefix as distribution takes it: empty, or with a slash before and none after.
func (c S3Config) rootDirectory() string {
	if prefix := strings.Trim(c.Prefix, "/"); prefix != "" {
		return "/" + prefix
	}
	return ""
}
