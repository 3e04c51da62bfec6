package transfer

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// tokenUser is the user name that goes with a token. Who takes tokens does not look at it.
const tokenUser = "token"

// tokens is an [auth.Cache] that keeps nothing: every request to the host has, as a password of Basic, what the file holds at that
// moment. So none is sent with a token that has been replaced, and one that is refused all the same is sent once more with the
// token of then.
type tokens struct {
	host string
	file string
}

// GetScheme is Basic, unasked.
func (t tokens) GetScheme(_ context.Context, host string) (auth.Scheme, error) {
	if host != t.host {
		return auth.SchemeUnknown, errdef.ErrNotFound
	}
	return auth.SchemeBasic, nil
}

// GetToken is what Basic sends.
func (t tokens) GetToken(ctx context.Context, host string, scheme auth.Scheme, _ string) (string, error) {
	if scheme != auth.SchemeBasic || host != t.host {
		return "", errdef.ErrNotFound
	}
	c, err := t.credential(ctx, host)
	return base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password)), err
}

// Set is called after a request that was refused.
func (t tokens) Set(ctx context.Context, _ string, _ auth.Scheme, _ string, fetch func(context.Context) (string, error)) (string, error) {
	return fetch(ctx)
}

// credential is an [auth.CredentialFunc].
func (t tokens) credential(_ context.Context, host string) (auth.Credential, error) {
	if host != t.host {
		return auth.EmptyCredential, nil
	}
	content, err := os.ReadFile(t.file)
	if err != nil {
		return auth.EmptyCredential, fmt.Errorf("reading the token: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return auth.EmptyCredential, fmt.Errorf("reading the token: %s is empty", t.file)
	}
	return auth.Credential{Username: tokenUser, Password: token}, nil
}
