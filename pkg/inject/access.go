package inject

import (
	"cmp"
	"fmt"
	"path"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// What lets the sidecar into a registry reaches it as files, and it alone: never a command line, never the environment, never
// the application. The kubelet keeps the files up to date.

const (
	dockerConfig = "config.json" // the Docker configuration in its directory
	tokenFile    = "token"       // the token in its directory
	caFile       = "ca.crt"      // the certificates in the same
)

// tokenSeconds is how long a token is good. The kubelet gets another when a fifth of that is left.
const tokenSeconds int64 = 3600

// accessMode lets any user read the token and the certificates: the sidecar may be another than the application, and only it has
// them. Where all containers have one user, or the pod has a group for its volumes, the kubelet makes the token theirs instead,
// with modes 0600 and 0640.
const accessMode int32 = 0o444

// login is by what a registry lets a step in.
type login int

const (
	byNothing login = iota
	byToken         // of the pod's ServiceAccount
	byConfig        // the Secret of the key credentials
	byEnv           // the Secret of the key oras-env, or of the OrasCache
)

// login of the step: a token where that is taken, else what the keys name, else what the OrasCache has for its steps.
func (d *decision) login() login {
	switch {
	case d.opts.Registry.Audience != "":
		return byToken
	case d.plan.Credentials != "":
		return byConfig
	case d.loginSecret() != "":
		return byEnv
	}
	return byNothing
}

// loginSecret is the name of the Secret with the user that the step is.
func (d *decision) loginSecret() string { return cmp.Or(d.plan.OrasEnv, d.opts.Registry.Login) }

// handed is a volume that the sidecar has, and where.
type handed struct {
	volume corev1.Volume
	dir    string
}

// access is what the sidecar has, for the registry to let it in and for it to trust the registry.
func (d *decision) access() []handed {
	var all []handed
	switch d.login() {
	case byConfig:
		all = append(all, handed{corev1.Volume{Name: credentialsVolume, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: d.plan.Credentials,
			Items:      []corev1.KeyToPath{{Key: corev1.DockerConfigJsonKey, Path: dockerConfig}},
		}}}, handoff.CredentialsDir})
	case byEnv:
		all = append(all, handed{corev1.Volume{Name: loginVolume, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: d.loginSecret(),
		}}}, handoff.LoginDir})
	}
	if sources := d.accessSources(); len(sources) > 0 {
		all = append(all, handed{corev1.Volume{Name: accessVolume, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
			Sources: sources, DefaultMode: new(accessMode),
		}}}, handoff.AccessDir})
	}
	return all
}

// accessSources are the token and the certificates. A pod whose ConfigMap is not there yet starts once it is.
func (d *decision) accessSources() []corev1.VolumeProjection {
	var sources []corev1.VolumeProjection
	if d.login() == byToken {
		sources = append(sources, corev1.VolumeProjection{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
			Audience: d.opts.Registry.Audience, ExpirationSeconds: new(tokenSeconds), Path: tokenFile,
		}})
	}
	if d.opts.Registry.CAConfigMap != "" {
		sources = append(sources, corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: d.opts.Registry.CAConfigMap},
			Items:                []corev1.KeyToPath{{Key: v1alpha1.CAKey, Path: caFile}},
		}})
	}
	return sources
}

// writeAccess tells the sidecar where it finds it.
func (d *decision) writeAccess(step *handoff.Step) {
	switch d.login() {
	case byToken:
		step.TokenFile = path.Join(handoff.AccessDir, tokenFile)
	case byConfig:
		step.DockerConfig = path.Join(handoff.CredentialsDir, dockerConfig)
	case byEnv:
		step.LoginDir = handoff.LoginDir
	}
	if d.opts.Registry.CAConfigMap != "" {
		step.CAFile = path.Join(handoff.AccessDir, caFile)
	}
}

// accessWarnings tells of a Secret that an OrasCache has no use for.
func (d *decision) accessWarnings() []string {
	if d.login() != byToken || d.plan.OrasEnv == "" {
		return nil
	}
	return []string{fmt.Sprintf("%s has no effect: OrasCache %q takes tokens of ServiceAccounts (spec.auth is %s), and the step has one; remove the key",
		v1alpha1.KeyOrasEnv, d.plan.Cache, v1alpha1.AuthServiceAccount)}
}
