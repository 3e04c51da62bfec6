package controller

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Issuer gives registries their certificates.
type Issuer interface {
	// Issue returns what the Secret of a registry is to hold, with the keys tls.crt, tls.key and ca.crt, each PEM: a certificate
	// for hosts, which are DNS names and IP addresses, and the authorities to trust it by. held is what the Secret holds, which
	// is nothing at first; as long as it is good, it is returned.
	Issue(ctx context.Context, hosts []string, held map[string][]byte) (map[string][]byte, error)
}

// certificateName is the name of the Secret with the registry's certificate.
func certificateName(cache *v1alpha1.OrasCache) string {
	return cmp.Or(cache.Spec.TLS.SecretName, issuedName(cache))
}

// hostsOf are the names by which a registry is reached: by its Service, as a single pod, and at the end of a port-forward.
func hostsOf(cache *v1alpha1.OrasCache) []string {
	service := cache.ServiceName() + "." + cache.Namespace
	return []string{
		service + ".svc",
		service + ".svc.cluster.local",
		service,
		cache.ServiceName(),
		"*." + podServiceName(cache) + "." + cache.Namespace + ".svc",
		"localhost",
		"127.0.0.1",
		"::1",
	}
}

// authoritiesName is the name of the ConfigMap with the authorities to trust the registry by, which [v1alpha1.OrasCache.CASource]
// gives where there is TLS.
func authoritiesName(cache *v1alpha1.OrasCache) string { return cache.Name + "-ca" }

// authorities publishes what to trust the registry by, for people and for sidecars: those of the Secret with its certificate or,
// if it names none, the certificate itself.
func authorities(cache *v1alpha1.OrasCache, certificate map[string][]byte) *applycore.ConfigMapApplyConfiguration {
	trusted := certificate[tlsCAKey]
	if len(bytes.TrimSpace(trusted)) == 0 {
		trusted = certificate[tlsCertKey]
	}
	return configMap(cache, authoritiesName(cache), map[string]string{v1alpha1.CAKey: string(trusted)})
}

// certify sees to it that the registry has a certificate that is good, where there is TLS, and publishes by what to trust it. It
// returns the data of the Secret with the certificate, and a complaint where that has expired: a registry serves with it all the same.
func (r *Reconciler) certify(ctx context.Context, cache *v1alpha1.OrasCache) (certificate map[string][]byte, complaint *settingError, err error) {
	if !cache.UsesTLS() {
		return nil, nil, nil
	}
	certificate, err = r.certificate(ctx, cache)
	if err != nil {
		return nil, nil, err
	}
	return certificate, checkExpiry(cache, certificate[tlsCertKey], time.Now()), r.apply(ctx, cache, authorities(cache, certificate))
}

// checkExpiry complains of a certificate that the spec names and that has expired. One that is issued is replaced before.
func checkExpiry(cache *v1alpha1.OrasCache, certificate []byte, now time.Time) *settingError {
	leaf, err := parseCertificate(certificate)
	if err != nil || cache.Spec.TLS.SecretName == "" || !now.After(leaf.NotAfter) {
		return nil
	}
	return &settingError{v1alpha1.ReasonCertificateInvalid, fmt.Sprintf(
		"The certificate in Secret %s of spec.tls.secretName expired at %s, and clients refuse it: put another one there.",
		cache.Spec.TLS.SecretName, leaf.NotAfter.UTC().Format(time.RFC3339))}
}

// certificate returns the data of the Secret with the certificate: one that the spec names, or one that is issued.
func (r *Reconciler) certificate(ctx context.Context, cache *v1alpha1.OrasCache) (map[string][]byte, error) {
	if name := cache.Spec.TLS.SecretName; name != "" {
		given, err := r.given(ctx, cache, "spec.tls.secretName", name, tlsCertKey, tlsKeyKey)
		if err != nil {
			return nil, err
		}
		return given, checkCertificate(cache, given)
	}
	if r.issuer == nil {
		return nil, &settingError{v1alpha1.ReasonUnsupported,
			"This operator issues no certificates: name a Secret with one in spec.tls.secretName."}
	}
	held, err := r.ownSecret(ctx, cache, issuedName(cache))
	if err != nil {
		return nil, err
	}
	data, err := r.issuer.Issue(ctx, hostsOf(cache), held)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	return data, r.apply(ctx, cache, secret(cache, issuedName(cache), corev1.SecretTypeTLS, data))
}

// checkCertificate tells why clients would not take a certificate that the spec names.
func checkCertificate(cache *v1alpha1.OrasCache, given map[string][]byte) error {
	wrong := func(why error) error {
		return &settingError{v1alpha1.ReasonCertificateInvalid, fmt.Sprintf(
			"The certificate in Secret %s of spec.tls.secretName cannot be used: %v.", cache.Spec.TLS.SecretName, why)}
	}
	pair, err := tls.X509KeyPair(given[tlsCertKey], given[tlsKeyKey])
	if err != nil {
		return wrong(err)
	}
	host, _, err := net.SplitHostPort(cache.Endpoint())
	if err != nil {
		return wrong(err)
	}
	if err := pair.Leaf.VerifyHostname(host); err != nil {
		return wrong(err)
	}
	return nil
}

const (
	// lookAgainGiven is how often Secrets that the spec names are read: no event tells when they change.
	lookAgainGiven = time.Minute
	// lookAgainIssued is the longest between two looks at a certificate that was issued. A short-lived one is looked at every
	// twentieth of its life.
	lookAgainIssued = 5 * time.Minute
)

// lookAgain is when to look at what a registry's Secrets hold; 0 is never.
func lookAgain(cache *v1alpha1.OrasCache, certificate []byte) time.Duration {
	spec := cache.Spec
	switch {
	case spec.TLS.SecretName != "" || spec.HtpasswdSecretName != "" || spec.Storage.S3 != nil && spec.Storage.S3.SecretName != "":
		return lookAgainGiven
	case !cache.UsesTLS():
		return 0
	}
	leaf, err := parseCertificate(certificate)
	if err != nil {
		return lookAgainIssued
	}
	return max(time.Second, min(lookAgainIssued, leaf.NotAfter.Sub(leaf.NotBefore)/20))
}
