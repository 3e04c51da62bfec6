package v1alpha1_test

import (
	"testing"

	"gotest.tools/v3/assert"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

func TestEveryKeyIsAValidNameAndDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range v1alpha1.Keys() {
		t.Run(key.Name, func(t *testing.T) {
			assert.Assert(t, !seen[key.Name], "the key is listed twice")
			seen[key.Name] = true
			name := v1alpha1.KeyPrefix + key.Name
			if key.Numbered {
				name += "_1"
			}
			assert.Equal(t, len(validation.IsQualifiedName(name)), 0, "%s is no key of a label", name)
			assert.Assert(t, key.Meaning != "")
			assert.Assert(t, key.Form == "" || len(key.Words) == 0, "it has a form and words")
			assert.Equal(t, key.Example == "", key.Ignored, "a key that does something has an example")
			assert.Equal(t, key.Value() == "", key.Ignored, "a key that does something says what its value is")
		})
	}
}
