package v1alpha1_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// schema reads what the API server is told about an OrasCache.
func schema(t *testing.T) (apiextensions.CustomResourceDefinition, map[string]apiextensions.JSONSchemaProps) {
	t.Helper()
	data, err := os.ReadFile("../../../config/crd/cache.converged-computing.github.io_orascaches.yaml")
	assert.NilError(t, err)
	var crd apiextensions.CustomResourceDefinition
	assert.NilError(t, yaml.UnmarshalStrict(data, &crd))
	return crd, crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties
}

func TestTheDefinitionNamesWhatTheSchemeKnows(t *testing.T) {
	crd, _ := schema(t)
	assert.Equal(t, crd.Spec.Group, v1alpha1.Group)
	assert.Equal(t, crd.Spec.Versions[0].Name, v1alpha1.Version)
	assert.Equal(t, crd.Spec.Names.Kind, v1alpha1.Kind)
	scheme, err := v1alpha1.NewScheme()
	assert.NilError(t, err)
	assert.Assert(t, scheme.Recognizes(v1alpha1.GroupVersion().WithKind(crd.Spec.Names.Kind)))
	assert.Assert(t, scheme.Recognizes(v1alpha1.GroupVersion().WithKind(crd.Spec.Names.ListKind)))
}

func TestDefaultsAreTheSameInBothPlaces(t *testing.T) {
	_, root := schema(t)
	gc := root["spec"].Properties["gc"].Properties
	assert.Equal(t, string(gc["schedule"].Default.Raw), strconv.Quote(v1alpha1.DefaultGCSchedule))
	assert.Equal(t, string(gc["gracePeriod"].Default.Raw), strconv.Quote(v1alpha1.DefaultGCGracePeriod))
	assert.Equal(t, string(root["spec"].Properties["auth"].Default.Raw), strconv.Quote(v1alpha1.AuthNone))
	assert.Equal(t, string(root["spec"].Properties["defaultAccess"].Default.Raw), strconv.Quote(v1alpha1.AccessPush))
	size := root["spec"].Properties["storage"].Properties["size"]
	assert.Assert(t, size.Default == nil, "a bucket has no size")
	assert.Assert(t, strings.Contains(size.Description, "Default: "+v1alpha1.DefaultStorageSize))
}

func TestAnEmptyCacheNeedsNoSpec(t *testing.T) {
	crd, root := schema(t)
	assert.Equal(t, string(root["spec"].Default.Raw), "{}")
	assert.Equal(t, len(crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Required), 0)
	encoded, err := json.Marshal(v1alpha1.OrasCache{})
	assert.NilError(t, err)
	assert.Equal(t, string(encoded), `{"metadata":{}}`)
}

func TestColumnsOfOrasCaches(t *testing.T) {
	crd, _ := schema(t)
	var always []string
	for _, column := range crd.Spec.Versions[0].AdditionalPrinterColumns {
		if column.Priority == 0 {
			always = append(always, column.Name)
		}
	}
	assert.DeepEqual(t, always, []string{"Ready", "Endpoint", "Artifacts", "Size", "Age"})
}
