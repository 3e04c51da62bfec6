package controller

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/bcrypt"
	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/htpasswd"
)

// stepsUser is the user that steps are, where the registry wants users.
const stepsUser = "oras-steps"

// applyUsers makes the user of steps, and the file of all users: that one first, and then those of the Secret that the spec
// names. It does nothing where the registry wants no users.
//
// A registry would not start with a file that is broken. So where the Secret is gone or broken, those who were in the file before
// stay, and the complaint says what is wrong; where there was none before, that is the error.
func (r *Reconciler) applyUsers(ctx context.Context, cache *v1alpha1.OrasCache) (complaint *settingError, err error) {
	if cache.AuthMode() != v1alpha1.AuthHtpasswd {
		return nil, nil
	}
	held, err := r.ownSecret(ctx, cache, htpasswdName(cache))
	if err != nil {
		return nil, err
	}
	others, err := r.people(ctx, cache)
	if errors.As(err, &complaint) {
		before := held[htpasswdKey]
		if _, broken := htpasswd.Parse(before); len(before) == 0 || broken != nil && !isForeign(cache) {
			return nil, err
		}
		_, others, _ = bytes.Cut(before, []byte("\n"))
	} else if err != nil {
		return nil, err
	}
	steps, err := r.ownSecret(ctx, cache, cache.CredentialsSource())
	if err != nil {
		return nil, err
	}
	password := steps[v1alpha1.CredentialsPassword]
	if len(password) == 0 {
		password = []byte(rand.Text())
	}
	file, err := users(held[htpasswdKey], password, others)
	if err != nil {
		return nil, err
	}
	credentials := map[string][]byte{v1alpha1.CredentialsUser: []byte(stepsUser), v1alpha1.CredentialsPassword: password}
	if err := r.apply(ctx, cache, secret(cache, cache.CredentialsSource(), corev1.SecretTypeOpaque, credentials)); err != nil {
		return nil, err
	}
	return complaint, r.apply(ctx, cache, secret(cache, htpasswdName(cache), corev1.SecretTypeOpaque, map[string][]byte{htpasswdKey: file}))
}

// people are the lines of the Secret that the spec names, if it does, but for one of the user of steps.
func (r *Reconciler) people(ctx context.Context, cache *v1alpha1.OrasCache) ([]byte, error) {
	name := cache.Spec.HtpasswdSecretName
	if name == "" {
		return nil, nil
	}
	given, err := r.given(ctx, cache, "spec.htpasswdSecretName", name, htpasswdKey)
	if err != nil {
		return nil, err
	}
	lines := withoutSteps(given[htpasswdKey])
	if isForeign(cache) { // which takes what it takes
		return lines, nil
	}
	if _, err := htpasswd.Parse(lines); err != nil {
		return nil, &settingError{v1alpha1.ReasonUsersInvalid, fmt.Sprintf(
			"The users in Secret %s of spec.htpasswdSecretName cannot be read: %v. A registry that runs goes on with those it had.", name, err)}
	}
	return lines, nil
}

// withoutSteps empties lines of the user of steps, so that the others keep their numbers. Nobody else can be that user, who would not
// know the password then.
func withoutSteps(lines []byte) []byte {
	var left []byte
	for line := range bytes.Lines(lines) {
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte(stepsUser+":")) {
			line = []byte("\n")
		}
		left = append(left, line...)
	}
	return left
}

// users returns the file of all users. The first line of held is kept if it is that of the steps with their password: it has a salt,
// and would differ at each call.
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
	return append(append(bytes.Clone(line), '\n'), others...), nil
}
