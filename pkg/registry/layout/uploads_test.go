package layout_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

func TestAnUploadIsFoundFromWhatIsInIt(t *testing.T) {
	dir := layout.Uploads("deep/er/step") + "/3b3c7d0e"
	for _, p := range []string{dir, dir + "/data", dir + "/hashstates/sha256/12"} {
		got, ok := layout.InUpload(p)
		assert.Assert(t, ok, p)
		assert.Equal(t, got, dir)
	}
	for _, p := range []string{
		"", "/", layout.Blobs, layout.Uploads("step"), layout.Tag("step", "v1"), layout.Layers("uploads/x"),
		layout.TagCurrent("step", "_uploads"), // a name that a tag can have
	} {
		_, ok := layout.InUpload(p)
		assert.Assert(t, !ok, p)
	}
}

func TestADirectoryAboveUploadsIsFound(t *testing.T) {
	assert.Assert(t, layout.IsUploads(layout.Uploads("deep/er/step")))
	for _, p := range []string{"", "/", layout.Uploads("step") + "/3b3c7d0e", layout.Layers("step"), layout.Tag("step", "_uploads")} {
		assert.Assert(t, !layout.IsUploads(p), p)
	}
}

func TestAHashStateIsReadFromItsPath(t *testing.T) {
	dir := layout.Uploads("step") + "/3b3c7d0e"
	for p, want := range map[string]struct {
		algorithm, offset string
		ok                bool
	}{
		dir + "/hashstates/sha256/12":   {"sha256", "12", true},
		dir + "/hashstates/sha256":      {"sha256", "", true},
		dir + "/hashstates":             {},
		dir + "/data":                   {},
		dir + "/hashstates/sha256/12/3": {},
	} {
		algorithm, offset, ok := layout.HashStateIn(dir, p)
		assert.Equal(t, ok, want.ok, p)
		if ok {
			assert.Equal(t, algorithm, want.algorithm, p)
			assert.Equal(t, offset, want.offset, p)
		}
	}
}
