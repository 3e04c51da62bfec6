package v1alpha1_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// admit says what the API server finds wrong with an OrasCache, by the schema and its rules, after it has filled in the defaults.
func admit(t *testing.T, manifest string) field.ErrorList {
	t.Helper()
	definition := internal(t)
	props := definition.Spec.Validation.OpenAPIV3Schema
	structural, err := structuralschema.NewStructural(props)
	assert.NilError(t, err)
	var object map[string]any
	assert.NilError(t, yaml.Unmarshal([]byte(manifest), &object))
	defaulting.Default(object, structural)

	checker, _, err := validation.NewSchemaValidator(props)
	assert.NilError(t, err)
	wrong := validation.ValidateCustomResource(nil, object, checker)
	rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	broken, _ := rules.Validate(t.Context(), nil, structural, object, nil, celconfig.RuntimeCELCostBudget)
	return append(wrong, broken...)
}

// internal is the definition in the form that the API server works with.
func internal(t *testing.T) *apiextensions.CustomResourceDefinition {
	t.Helper()
	definition, _ := schema(t)
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&definition)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&definition.Spec)
	converted := &apiextensions.CustomResourceDefinition{}
	assert.NilError(t, apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&definition, converted, nil))
	converted.Status.StoredVersions = []string{definition.Spec.Versions[0].Name}
	return converted
}

func TestTheAPIServerTakesTheDefinition(t *testing.T) {
	wrong := crdvalidation.ValidateCustomResourceDefinition(t.Context(), internal(t))
	assert.NilError(t, wrong.ToAggregate())
}

func TestWhatAnOrasCacheMayAskFor(t *testing.T) {
	for name, tc := range map[string]struct{ spec, want string }{
		"nothing":                            {spec: ``},
		"replicas of a bucket":               {spec: `{replicas: 3, storage: {s3: {bucket: artifacts}}}`},
		"replicas of a claim":                {spec: `{replicas: 2}`, want: "several replicas need a store that all of them share"},
		"no replica":                         {spec: `{replicas: 0}`, want: "greater than or equal to 1"},
		"a bucket with a size":               {spec: `{storage: {size: 1Gi, s3: {bucket: artifacts}}}`, want: "a bucket has no size"},
		"a bucket with an earlier default":   {spec: `{storage: {size: 10Gi, s3: {bucket: artifacts}}}`},
		"a bucket with a number of bytes":    {spec: `{storage: {size: 10737418240, s3: {bucket: artifacts}}}`, want: "a bucket has no size"},
		"a bucket that is kept":              {spec: `{storage: {keep: true, s3: {bucket: artifacts}}}`, want: "a bucket has no size"},
		"a bucket of a storage class":        {spec: `{storage: {storageClassName: a, s3: {bucket: artifacts}}}`, want: "a bucket has no size"},
		"a bucket that is ephemeral":         {spec: `{storage: {ephemeral: true, s3: {bucket: artifacts}}}`, want: "a bucket has no size"},
		"a bucket without a name":            {spec: `{storage: {s3: {}}}`, want: "bucket: Required"},
		"a bucket elsewhere":                 {spec: `{storage: {s3: {bucket: artifacts, endpoint: "minio.store.svc:9000", prefix: a/b}}}`},
		"an endpoint with a scheme":          {spec: `{storage: {s3: {bucket: artifacts, endpoint: "https://minio"}}}`, want: "endpoint"},
		"an emptyDir to keep":                {spec: `{storage: {ephemeral: true, keep: true}}`, want: "cannot be kept"},
		"a size of an emptyDir":              {spec: `{storage: {ephemeral: true, size: 1Gi}}`},
		"TLS":                                {spec: `{tls: {enabled: true}}`},
		"TLS with a certificate":             {spec: `{tls: {enabled: true, secretName: mine}}`},
		"a certificate without TLS":          {spec: `{tls: {secretName: mine}}`, want: "set tls.enabled"},
		"ServiceAccounts":                    {spec: `{auth: serviceaccount, defaultAccess: none}`},
		"ServiceAccounts of a foreign image": {spec: `{auth: serviceaccount, image: "registry:3"}`, want: "only the operator's own registry knows ServiceAccounts"},
		"users":                              {spec: `{auth: htpasswd, htpasswdSecretName: people}`},
		"users of a foreign image":           {spec: `{auth: htpasswd, image: "registry:3"}`},
		"users without auth":                 {spec: `{htpasswdSecretName: people}`, want: "is for spec.auth: htpasswd"},
		"another kind of auth":               {spec: `{auth: token}`, want: "Unsupported value"},
		"retention":                          {spec: `{retention: [{repositories: "sweep/*", ttl: 72h, keepLast: 3, untagged: 1h30m}]}`},
		"retention of nothing":               {spec: `{retention: [{repositories: "sweep/*"}]}`, want: "set ttl, keepLast or untagged"},
		"retention of none":                  {spec: `{retention: [{keepLast: 0}]}`, want: "greater than or equal to 1"},
		"a time in days":                     {spec: `{retention: [{ttl: 3d}]}`, want: "ttl"},
		"no time":                            {spec: `{retention: [{ttl: 0s}]}`, want: "ttl"},
		"a time that no integer holds":       {spec: `{retention: [{ttl: 99999999h}]}`, want: "ttl"},
		"a pattern that is open":             {spec: `{retention: [{repositories: "a[", ttl: 3h}]}`, want: "repositories"},
		"collection at night":                {spec: `{gc: {schedule: "0 3 * * 1-5", gracePeriod: 30m}}`},
		"collection now and then":            {spec: `{gc: {schedule: "@every 6h"}}`},
		"no collection":                      {spec: `{gc: {schedule: ""}}`},
		"collection when it suits":           {spec: `{gc: {schedule: "sometimes"}}`, want: "schedule"},
		"few uploads":                        {spec: `{maxUploads: 10}`},
		"fewer than none":                    {spec: `{maxUploads: -1}`, want: "greater than or equal to 0"},
		"an open network":                    {spec: `{networkPolicy: {create: false}}`},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := admit(t, "metadata: {name: oras}\nspec: "+tc.spec)
			if tc.want == "" {
				assert.NilError(t, wrong.ToAggregate())
				return
			}
			assert.Assert(t, len(wrong) > 0)
			assert.Assert(t, cmp.Contains(wrong.ToAggregate().Error(), tc.want))
		})
	}
}

func TestNamesHaveRoomForWhatIsPutAfterThem(t *testing.T) {
	assert.NilError(t, admit(t, "metadata: {name: "+strings.Repeat("a", 52)+"}").ToAggregate())
	for _, name := range []string{strings.Repeat("a", 53), "1a", "a.b", "a-"} {
		assert.Assert(t, len(admit(t, "metadata: {name: "+name+"}")) > 0, name)
	}
}
