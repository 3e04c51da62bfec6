package layout_test

import (
	"testing"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

func TestADigestIsReadFromItsPath(t *testing.T) {
	d := digest.FromString("x")
	for name, p := range map[string]string{
		"a manifest's link": layout.Revision("deep/er/step", d),
		"a blob's link":     layout.Layer("step", d),
		"a referrer's link": layout.Referrer("step", digest.SHA512.FromString("y"), d),
		"a directory":       layout.Revisions("step") + "/sha256/" + d.Encoded(),
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := layout.DigestIn(p)
			assert.Assert(t, ok)
			assert.Equal(t, got, d)
		})
	}
}

func TestWhatIsNoDigestIsNotReadAsOne(t *testing.T) {
	for _, p := range []string{"", "/", "/link", "/sha256", "/sha256/ab", "/md5/" + digest.FromString("x").Encoded(), layout.Tag("step", "v1")} {
		_, ok := layout.DigestIn(p)
		assert.Assert(t, !ok, p)
	}
}
