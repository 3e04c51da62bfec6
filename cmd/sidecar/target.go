package main

import (
	"errors"
	"fmt"
	"strings"

	"oras.land/oras-go/v2/registry"

	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// target is what a reference on the command line names.
type target struct {
	transfer.Reference // without a repository: a whole registry
	host               string
	bare               bool // neither tag nor digest was given
}

// parseTarget reads HOST/REPOSITORY[:TAG][@DIGEST].
func parseTarget(s string) (target, error) {
	t, err := parseHost(s)
	if err == nil && t.Repository == "" {
		err = fmt.Errorf("%w %q: the repository is missing: %s", transfer.ErrInvalidReference, s, looks)
	}
	return t, err
}

// looks says how a reference looks.
const looks = "it looks like localhost:5000/step-1:latest or ghcr.io/me/data:v1"

// parseHost reads HOST or HOST/REPOSITORY[:TAG][@DIGEST].
func parseHost(s string) (target, error) {
	host, rest, _ := strings.Cut(s, "/")
	t := target{host: host}
	if err := checkHost(s, host); err != nil {
		return t, fmt.Errorf("%w %q: %w", transfer.ErrInvalidReference, s, err)
	}
	if rest == "" {
		return t, nil
	}
	ref, err := transfer.ParseReference(rest)
	t.Reference, t.bare = ref, !strings.ContainsAny(rest, ":@")
	return t, err
}

func checkHost(s, host string) error {
	switch {
	case strings.Contains(s, "://"):
		return errors.New("it is a URL; " + looks)
	case !strings.ContainsAny(host, ".:") && host != "localhost",
		(registry.Reference{Registry: host}).ValidateRegistry() != nil:
		return errors.New("it does not start with a registry: " + looks)
	}
	return nil
}

// String returns the whole reference.
func (t target) String() string { return t.host + "/" + t.Reference.String() }
