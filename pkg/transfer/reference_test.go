package transfer_test

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
)

func TestParseReference(t *testing.T) {
	sum := digest.FromString("x")
	for name, test := range map[string]struct {
		text   string
		want   transfer.Reference
		target string
	}{
		"a repository alone is its latest": {"step-1", transfer.Reference{Repository: "step-1", Tag: "latest"}, "latest"},
		"a tag":                            {"a/b__c/d.e:V1.0_x-y", transfer.Reference{Repository: "a/b__c/d.e", Tag: "V1.0_x-y"}, "V1.0_x-y"},
		"a digest":                         {"a@" + string(sum), transfer.Reference{Repository: "a", Digest: sum}, string(sum)},
		"a digest wins over a tag":         {"a:b@" + string(sum), transfer.Reference{Repository: "a", Tag: "b", Digest: sum}, string(sum)},
	} {
		t.Run(name, func(t *testing.T) {
			ref, err := transfer.ParseReference(test.text)
			assert.NilError(t, err)
			assert.DeepEqual(t, ref, test.want)
			assert.Equal(t, ref.Target(), test.target)
			again, err := transfer.ParseReference(ref.String())
			assert.NilError(t, err)
			assert.DeepEqual(t, again, ref)
		})
	}
}

func TestParseReferenceSaysWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":                    {"", "empty"},
		"only a tag":                 {":v1", "repository is missing"},
		"only a digest":              {"@sha256:00", "repository is missing"},
		"a URL":                      {"oras://a/b", "URL"},
		"a registry with a port":     {"localhost:5000/a:b", "registry"},
		"capital letters":            {"Step:v1", "lower-case"},
		"a space":                    {"a b", "lower-case"},
		"a slash at the end":         {"a/", "lower-case"},
		"an empty tag":               {"a:", `tag ""`},
		"a tag that starts badly":    {"a:-x", "starts with neither"},
		"a tag that is too long":     {"a:" + strings.Repeat("x", 129), "128"},
		"two tags":                   {"a:b:c", `tag "b:c"`},
		"a short digest":             {"a@sha256:abc", "64 hexadecimal"},
		"an unknown digest":          {"a@md5:d41d8cd98f00b204e9800998ecf8427e", "sha256"},
		"a repository that is large": {strings.Repeat("a", 256), "longer than 255"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := transfer.ParseReference(test.text)
			assert.ErrorIs(t, err, transfer.ErrInvalidReference)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func FuzzParseReference(f *testing.F) {
	for _, seed := range []string{"a", "a:b", "a@sha256:00", "a/b:c@sha256:" + strings.Repeat("0", 64)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := transfer.ParseReference(s)
		if err != nil {
			assert.ErrorIs(t, err, transfer.ErrInvalidReference)
			return
		}
		again, err := transfer.ParseReference(ref.String())
		assert.NilError(t, err)
		assert.DeepEqual(t, again, ref)
	})
}

func TestDefaultPlainHTTP(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost:5000": true, "localhost": true, "127.0.0.1:5000": true, "[::1]:5000": true, "oras:5000": true,
		"oras.ns.svc:5000": true, "oras.ns.svc.cluster.local": true, "x.localhost:1": true,
		"ghcr.io": false, "10.0.0.1:5000": false, "registry.example.com:5000": false, "svc.example.com": false,
	} {
		assert.Equal(t, transfer.DefaultPlainHTTP(host), want, host)
	}
}
