package controller

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// TestObjects builds what each testdata/*/cache.yaml asks for and compares it with the objects.yaml beside it, which
// `go test -update` writes.
func TestObjects(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/cache.yaml")
	assert.NilError(t, err)
	assert.Assert(t, len(cases) > 0)
	for _, path := range cases {
		dir := filepath.Base(filepath.Dir(path))
		t.Run(strings.ReplaceAll(dir, "-", " "), func(t *testing.T) {
			data, err := os.ReadFile(path)
			assert.NilError(t, err)
			cache := &v1alpha1.OrasCache{}
			assert.NilError(t, yaml.UnmarshalStrict(data, cache))

			var all strings.Builder
			for _, object := range []applyConfiguration{
				claim(cache), secret(cache, []byte("a secret")), service(cache), podService(cache), statefulSet(cache, "operator:v1"),
			} {
				encoded, err := yaml.Marshal(object)
				assert.NilError(t, err)
				all.WriteString("---\n" + string(encoded))
			}
			golden.Assert(t, all.String(), filepath.Join(dir, "objects.yaml"))
		})
	}
}
