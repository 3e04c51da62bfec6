package controller

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/bcrypt"
	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// stepsUser is the user that steps are, where the registry wants users.
const stepsUser = "oras-steps"

// applyUsers makes the user of steps, and the file of all users: that one first, and then those of the Secret that the spec
// names. It does nothing where the registry wants no users.
func (r *Reconciler) applyUsers(ctx context.Context, cache *v1alpha1.OrasCache) error {
	if cache.AuthMode() != v1alpha1.AuthHtpasswd {
		return nil
	}
	var others []byte
	if name := cache.Spec.HtpasswdSecretName; name != "" {
		given, err := r.given(ctx, cache, "spec.htpasswdSecretName", name, htpasswdKey)
		if err != nil {
			return err
		}
		others = given[htpasswdKey]
	}
	steps, err := r.ownSecret(ctx, cache, cache.CredentialsSource())
	if err != nil {
		return err
	}
	password := steps[v1alpha1.CredentialsPassword]
	if len(password) == 0 {
		password = []byte(rand.Text())
	}
	held, err := r.ownSecret(ctx, cache, htpasswdName(cache))
	if err != nil {
		return err
	}
	file, err := users(held[htpasswdKey], password, others)
	if err != nil {
		return err
	}
	credentials := map[string][]byte{v1alpha1.CredentialsUser: []byte(stepsUser), v1alpha1.CredentialsPassword: password}
	if err := r.apply(ctx, cache, secret(cache, cache.CredentialsSource(), corev1.SecretTypeOpaque, credentials)); err != nil {
		return err
	}
	return r.apply(ctx, cache, secret(cache, htpasswdName(cache), corev1.SecretTypeOpaque, map[string][]byte{htpasswdKey: file}))
}

// users returns the file of all users. The first line of held is kept if it is that of the steps with their password: it has a salt,
// and would differ at each call. Nobody else can be the user of
// steps, who would not know the password then.
func users(held, password, others []byte) ([]byte, error) {
	line, _, _ := bytes.Cut(held, []byte("\n"))
	hash, ours := bytes.CutPrefix(line, []byte(stepsUser+":"))
	if !ours || bcrypt.CompareHashAndPassword(hash, password) != nil {
		made, err := bcrypt.GenerateFromPassword(password, bcrypt.DefaultCost)
		if err != nil {
			return nil, fmt.Errorf("hashing the password of steps: %w", err)
		}
		line = append([]byte(stepsUser+":"), made...)
	}
	file := append(bytes.Clone(line), '\n')
	for other := range bytes.Lines(others) {
		if !bytes.HasPrefix(other, []byte(stepsUser+":")) {
			file = append(file, other...)
		}
	}
	return file, nil
}
