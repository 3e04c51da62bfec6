package controller

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Keys of the Secret that spec.storage.s3.secretName names.
const (
	accessKeyID     = "AWS_ACCESS_KEY_ID"
	secretAccessKey = "AWS_SECRET_ACCESS_KEY"
)

// configureForeign makes c run a registry of which nothing is known but that it serves on a port. The variables are those
// of the distribution registry: https://distribution.github.io/distribution/about/configuration/.
func configureForeign(c *applycore.ContainerApplyConfiguration, cache *v1alpha1.OrasCache) *applycore.ContainerApplyConfiguration {
	c.WithEnv(
		env("REGISTRY_HTTP_ADDR", ":"+strconv.Itoa(v1alpha1.Port)),
		env("REGISTRY_STORAGE_DELETE_ENABLED", "true"),
		envFrom("REGISTRY_HTTP_SECRET", registryName(cache), secretKey))
	if s3 := cache.Spec.Storage.S3; s3 != nil {
		c.WithEnv(bucketVariables(cache, s3)...)
	} else {
		c.WithEnv(env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", dataDir))
	}
	if cache.UsesTLS() {
		c.WithEnv(env("REGISTRY_HTTP_TLS_CERTIFICATE", certFile), env("REGISTRY_HTTP_TLS_KEY", keyFile))
	}
	if cache.AuthMode() == v1alpha1.AuthHtpasswd {
		c.WithEnv(
			env("REGISTRY_AUTH", "htpasswd"),
			env("REGISTRY_AUTH_HTPASSWD_REALM", cache.Name),
			env("REGISTRY_AUTH_HTPASSWD_PATH", htpasswdFile))
	}
	return c.WithReadinessProbe(applycore.Probe().
		WithTCPSocket(applycore.TCPSocketAction().WithPort(intstr.FromString(portName))).
		WithPeriodSeconds(2))
}

// bucketVariables are those of the distribution registry's S3 driver. Redirects to the store are off: steps may not reach it.
func bucketVariables(cache *v1alpha1.OrasCache, s3 *v1alpha1.S3Spec) []*applycore.EnvVarApplyConfiguration {
	variables := []*applycore.EnvVarApplyConfiguration{
		env("REGISTRY_STORAGE", "s3"),
		env("REGISTRY_STORAGE_REDIRECT_DISABLE", "true"),
		env("REGISTRY_STORAGE_S3_BUCKET", s3.Bucket),
		env("REGISTRY_STORAGE_S3_REGION", regionOf(s3)),
		env("REGISTRY_STORAGE_S3_ROOTDIRECTORY", "/"+prefixOf(cache, s3)),
		env("REGISTRY_STORAGE_S3_FORCEPATHSTYLE", strconv.FormatBool(pathStyleOf(s3))),
		env("REGISTRY_STORAGE_S3_SECURE", strconv.FormatBool(!s3.Insecure)),
	}
	if s3.Endpoint != "" {
		scheme := "https://"
		if s3.Insecure {
			scheme = "http://"
		}
		variables = append(variables, env("REGISTRY_STORAGE_S3_REGIONENDPOINT", scheme+s3.Endpoint))
	}
	if s3.SecretName == "" {
		return variables
	}
	return append(variables,
		envFrom("REGISTRY_STORAGE_S3_ACCESSKEY", s3.SecretName, accessKeyID),
		envFrom("REGISTRY_STORAGE_S3_SECRETKEY", s3.SecretName, secretAccessKey))
}

func env(name, value string) *applycore.EnvVarApplyConfiguration {
	return applycore.EnvVar().WithName(name).WithValue(value)
}

func envFrom(name, secret, key string) *applycore.EnvVarApplyConfiguration {
	return applycore.EnvVar().WithName(name).WithValueFrom(applycore.EnvVarSource().
		WithSecretKeyRef(applycore.SecretKeySelector().WithName(secret).WithKey(key)))
}

// checkForeign refuses what a foreign image must not be run without: it would let in everybody.
func checkForeign(cache *v1alpha1.OrasCache) error {
	if isForeign(cache) && cache.AuthMode() == v1alpha1.AuthServiceAccount {
		return &settingError{v1alpha1.ReasonUnsupported, fmt.Sprintf(
			"Image %s knows nothing of ServiceAccounts: leave out spec.image, or set spec.auth to htpasswd or none.", cache.Spec.Image)}
	}
	return nil
}

// supported is the condition that tells what a foreign image does not do of what the spec asks for, or nil.
func supported(cache *v1alpha1.OrasCache) *metav1.Condition {
	var not []string
	for field, asked := range map[string]bool{
		"spec.gc":         cache.Spec.GC.GracePeriod != nil || cache.Spec.GC.Schedule != nil,
		"spec.maxUploads": cache.Spec.MaxUploads > 0,
		"spec.retention":  len(cache.Spec.Retention) > 0,
	} {
		if asked {
			not = append(not, field)
		}
	}
	if !isForeign(cache) || len(not) == 0 {
		return nil
	}
	return &metav1.Condition{
		Type:   v1alpha1.ConditionSupported,
		Status: metav1.ConditionFalse,
		Reason: v1alpha1.ReasonForeignImage,
		Message: fmt.Sprintf("Only the operator's own registry does what is asked for in %s; image %s does not know of it.",
			strings.Join(slices.Sorted(slices.Values(not)), ", "), cache.Spec.Image),
		ObservedGeneration: cache.Generation,
	}
}
