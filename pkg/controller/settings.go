package controller

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/robfig/cron/v3"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

const (
	// drainDelay is how long a registry that is told to stop still serves, until Services do not lead to it any more.
	drainDelay = 5 * time.Second
	// drainTimeout is how long requests under way may go on once it is told so, the delay included.
	drainTimeout = 25 * time.Second
)

// settings are the configuration file of the operator's own registry: pkg/registry/README.md says what each key means. What
// is not there has the registry's default.
type settings struct {
	Addr           string          `json:"addr"`
	MetricsAddr    string          `json:"metricsAddr"`
	HTTPSecretFile string          `json:"httpSecretFile"`
	DrainDelay     string          `json:"drainDelay"`
	DrainTimeout   string          `json:"drainTimeout"`
	MaxUploads     int32           `json:"maxUploads"`
	TLS            *tlsSettings    `json:"tls,omitempty"`
	Storage        storageSettings `json:"storage"`
	Access         accessSettings  `json:"access"`
	Collect        collectSettings `json:"collect"`
}

type tlsSettings struct {
	CertFile string `json:"certFile"`
	KeyFile  string `json:"keyFile"`
}

type storageSettings struct {
	Root string      `json:"root,omitempty"`
	S3   *s3Settings `json:"s3,omitempty"`
}

type s3Settings struct {
	Bucket         string `json:"bucket"`
	Region         string `json:"region"`
	Endpoint       string `json:"endpoint,omitempty"`
	Prefix         string `json:"prefix"`
	PathStyle      bool   `json:"pathStyle"`
	Insecure       bool   `json:"insecure"`
	CredentialsDir string `json:"credentialsDir,omitempty"`
}

type accessSettings struct {
	Auth         string `json:"auth"`
	Cache        string `json:"cache,omitempty"`
	HtpasswdFile string `json:"htpasswdFile,omitempty"`
}

type collectSettings struct {
	Schedule    string              `json:"schedule"`
	GracePeriod string              `json:"gracePeriod"`
	Lease       string              `json:"lease,omitempty"`
	Retention   []retentionSettings `json:"retention,omitempty"`
}

type retentionSettings struct {
	Repositories string `json:"repositories"`
	TTL          string `json:"ttl,omitempty"`
	KeepLast     *int32 `json:"keepLast,omitempty"`
	Untagged     string `json:"untagged,omitempty"`
}

// settingsOf is what cache asks of the operator's own registry.
func settingsOf(cache *v1alpha1.OrasCache) settings {
	s := settings{
		Addr:           ":" + strconv.Itoa(v1alpha1.Port),
		MetricsAddr:    ":" + strconv.Itoa(metricsPort),
		HTTPSecretFile: settingsDir + "/" + secretKey,
		DrainDelay:     drainDelay.String(),
		DrainTimeout:   drainTimeout.String(),
		MaxUploads:     cache.Spec.MaxUploads,
		Storage:        storageSettings{Root: dataDir},
		Access:         accessSettings{Auth: cache.AuthMode()},
		Collect:        collectSettingsOf(cache),
	}
	if s3 := cache.Spec.Storage.S3; s3 != nil {
		s.Storage = storageSettings{S3: s3SettingsOf(cache, s3)}
	}
	if cache.UsesTLS() {
		s.TLS = &tlsSettings{CertFile: certFile, KeyFile: keyFile}
	}
	switch cache.AuthMode() {
	case v1alpha1.AuthServiceAccount:
		s.Access.Cache = cache.Namespace + "/" + cache.Name
	case v1alpha1.AuthHtpasswd:
		s.Access.HtpasswdFile = htpasswdFile
	case v1alpha1.AuthNone:
	}
	return s
}

func s3SettingsOf(cache *v1alpha1.OrasCache, s3 *v1alpha1.S3Spec) *s3Settings {
	s := &s3Settings{
		Bucket:    s3.Bucket,
		Region:    regionOf(s3),
		Endpoint:  s3.Endpoint,
		Prefix:    prefixOf(cache, s3),
		PathStyle: pathStyleOf(s3),
		Insecure:  s3.Insecure,
	}
	if s3.SecretName != "" {
		s.CredentialsDir = credentialsDir
	}
	return s
}

func regionOf(s3 *v1alpha1.S3Spec) string { return cmp.Or(s3.Region, v1alpha1.DefaultS3Region) }

func prefixOf(cache *v1alpha1.OrasCache, s3 *v1alpha1.S3Spec) string {
	return cmp.Or(s3.Prefix, cache.Namespace+"/"+cache.Name)
}

func pathStyleOf(s3 *v1alpha1.S3Spec) bool { return ptr.Deref(s3.PathStyle, s3.Endpoint != "") }

// checkSchedule refuses a schedule that the registry would not start with: the rule in the CRD knows its form alone.
func checkSchedule(cache *v1alpha1.OrasCache) error {
	schedule := ptr.Deref(cache.Spec.GC.Schedule, v1alpha1.DefaultGCSchedule)
	if schedule == "" {
		return nil
	}
	if _, err := cron.ParseStandard(schedule); err != nil {
		return &settingError{v1alpha1.ReasonUnsupported, fmt.Sprintf(
			"The schedule %q of spec.gc.schedule is none: %v. The registry goes on as it was.", schedule, err)}
	}
	return nil
}

func collectSettingsOf(cache *v1alpha1.OrasCache) collectSettings {
	c := collectSettings{
		Schedule:    ptr.Deref(cache.Spec.GC.Schedule, v1alpha1.DefaultGCSchedule),
		GracePeriod: v1alpha1.DefaultGCGracePeriod,
	}
	if period := cache.Spec.GC.GracePeriod; period != nil {
		c.GracePeriod = period.Duration.String()
	}
	if usesLease(cache) {
		c.Lease = cache.Namespace + "/" + registryName(cache)
	}
	for _, rule := range cache.Spec.Retention {
		r := retentionSettings{Repositories: cmp.Or(rule.Repositories, "**"), KeepLast: rule.KeepLast}
		if rule.TTL != nil {
			r.TTL = rule.TTL.Duration.String()
		}
		if rule.Untagged != nil {
			r.Untagged = rule.Untagged.Duration.String()
		}
		c.Retention = append(c.Retention, r)
	}
	return c
}

// usesLease tells whether several processes may have the storage at a time, so that they must agree on one that collects. With a
// bucket even a single replica may: while the number of replicas changes, or where a node is lost and its pod goes on.
func usesLease(cache *v1alpha1.OrasCache) bool {
	return !isForeign(cache) && storageOf(cache) == inBucket
}

// encode returns s as the file that the registry reads.
func (s settings) encode() (string, error) {
	encoded, err := yaml.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encoding the registry's settings: %w", err)
	}
	return string(encoded), nil
}

// digestOf is a short digest of what a registry reads only when it starts, for [annotationSettings].
func digestOf(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		sum.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
