package v1alpha1_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// fields calls see with the path of every field below props that has no fields of its own.
func fields(path string, props apiextensionsv1.JSONSchemaProps, see func(string)) {
	if props.Items != nil && props.Items.Schema != nil {
		props = *props.Items.Schema
	}
	if len(props.Properties) == 0 {
		see(path)
	}
	for name, field := range props.Properties {
		fields(path+"."+name, field, see)
	}
}

func TestEveryFieldIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../config/orascache.md")
	assert.NilError(t, err)
	_, root := schema(t)
	seen := 0
	fields("spec", root["spec"], func(path string) {
		seen++
		assert.Check(t, strings.Contains(string(page), "`"+path+"`"), "config/orascache.md does not tell of %s", path)
	})
	assert.Assert(t, seen > 30)
}

func TestEveryReasonIsDocumented(t *testing.T) {
	source, err := os.ReadFile("conditions.go")
	assert.NilError(t, err)
	readme, err := os.ReadFile("../../../cmd/operator/README.md")
	assert.NilError(t, err)
	reasons := regexp.MustCompile(`(?m)^\s*(?:const )?Reason\w+\s*= "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	assert.Assert(t, len(reasons) > 8)
	for _, reason := range reasons {
		assert.Check(t, strings.Contains(string(readme), "`"+reason[1]+"`"), reason[1])
	}
}

func TestSamplesAreTaken(t *testing.T) {
	paths, err := filepath.Glob("../../../config/samples/*.yaml")
	assert.NilError(t, err)
	found := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		assert.NilError(t, err)
		for document := range strings.SplitSeq(string(data), "\n---\n") {
			var kind struct{ Kind string }
			assert.NilError(t, yaml.Unmarshal([]byte(document), &kind))
			if kind.Kind != v1alpha1.Kind {
				continue
			}
			found++
			assert.NilError(t, yaml.UnmarshalStrict([]byte(document), &v1alpha1.OrasCache{}), path)
			assert.NilError(t, admit(t, document).ToAggregate(), path)
		}
	}
	assert.Assert(t, found >= 5)
}
