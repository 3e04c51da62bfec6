package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// Files of a login directory, by the names that Secrets of the public reference have. Those with a purpose come first.
const (
	loginUser     = "ORAS_USER"
	loginPassword = "ORAS_PASS"
	loginPull     = "ORAS_PULL_PASS"
	loginPush     = "ORAS_PUSH_PASS"
)

// credential is who the sidecar is to the registry when it does something that takes the given password, or where there is
// none the one for everything. It is read anew each time it is asked for, since Secrets change; nil is nobody.
func credential(step handoff.Step, password string) auth.CredentialFunc {
	switch {
	case step.DockerConfig != "":
		return transfer.DockerCredentials(step.DockerConfig)
	case step.LoginDir != "":
		return func(_ context.Context, host string) (auth.Credential, error) {
			if host != step.Registry {
				return auth.EmptyCredential, nil
			}
			return login(step.LoginDir, password, loginPassword)
		}
	}
	return nil
}

// login reads the user and the first of the passwords that is there.
func login(dir string, passwords ...string) (auth.Credential, error) {
	user, err := loginFile(dir, loginUser)
	if err != nil {
		return auth.EmptyCredential, err
	}
	for _, name := range passwords {
		password, err := loginFile(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return auth.Credential{Username: user, Password: password}, err
	}
	return auth.EmptyCredential, fmt.Errorf("the Secret has none of %s", strings.Join(passwords, ", "))
}

// loginFile reads one value, without the line's end that editors add.
func loginFile(dir, name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return "", fmt.Errorf("reading %s of the Secret: %w", name, err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
