package main

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
)

func TestParseTarget(t *testing.T) {
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for name, test := range map[string]struct {
		text string
		want string // host, repository and what is asked for; empty: refused
		bare bool
	}{
		"a port":                        {"localhost:5000/a/b:v1", "localhost:5000 a/b v1", false},
		"no tag":                        {"ghcr.io/me/a", "ghcr.io me/a latest", true},
		"a digest":                      {"ghcr.io/me/a@" + digest, "ghcr.io me/a " + digest, false},
		"a tag and a digest":            {"ghcr.io/me/a:v1@" + digest, "ghcr.io me/a " + digest, false},
		"localhost":                     {"localhost/a", "localhost a latest", true},
		"IPv6":                          {"[::1]:5000/a", "[::1]:5000 a latest", true},
		"a name in the cluster":         {"oras:5000/step-1", "oras:5000 step-1 latest", true},
		"nothing":                       {"", "", false},
		"no registry":                   {"step-1", "", false},
		"no registry, but a tag":        {"step-1:v1", "", false},
		"no registry, but a slash":      {"me/step-1:v1", "", false},
		"a URL":                         {"https://ghcr.io/me/a", "", false},
		"a registry alone":              {"localhost:5000", "", false},
		"a registry with a slash alone": {"localhost:5000/", "", false},
		"upper case":                    {"ghcr.io/Me/a", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			target, err := parseTarget(test.text)
			if test.want == "" {
				assert.ErrorIs(t, err, transfer.ErrInvalidReference)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, target.host+" "+target.Repository+" "+target.Target(), test.want)
			assert.Equal(t, target.bare, test.bare)
		})
	}
	registry, err := parseHost("localhost:5000/")
	assert.NilError(t, err)
	assert.Equal(t, registry.host+" "+registry.Repository, "localhost:5000 ")
}
