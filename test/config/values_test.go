package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/icmd"
	"sigs.k8s.io/yaml"
)

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "values.yaml")
	assert.NilError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestValuesThatCannotBeAreRefused(t *testing.T) {
	for title, test := range map[string]struct{ value, want string }{
		"a value that is not there": {"--set=replica=3", "replica"},
		"no replica":                {"--set=replicas=0", "replicas"},
		"a tag in a repository":     {"--set=image.repository=ghcr.io/a/b:v1", "repository"},
		"a digest that is none":     {"--set=sidecarImage.digest=latest", "digest"},
		"a switch that is none":     {"--set=prometheus.enabled=yes", "enabled"},
		"an argument of no flag":    {"--set=extraArgs={registry}", "extraArgs"},
	} {
		t.Run(title, func(t *testing.T) {
			result := helm(t, namespace, test.value)
			assert.Assert(t, result.ExitCode != 0)
			assert.Assert(t, cmp.Contains(result.Stderr(), "don't meet the specifications of the schema"))
			assert.Assert(t, cmp.Contains(result.Stderr(), test.want))
		})
	}
}

// Beside `global`, which Helm itself gives to charts.
func TestTheSchemaHasTheValuesThatThereAre(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "config/chart/values.yaml"))
	assert.NilError(t, err)
	var values map[string]any
	assert.NilError(t, yaml.UnmarshalStrict(raw, &values))
	raw, err = os.ReadFile(filepath.Join(root, "config/chart/values.schema.json"))
	assert.NilError(t, err)
	var schema struct{ Properties map[string]any }
	assert.NilError(t, json.Unmarshal(raw, &schema))
	delete(schema.Properties, "global")
	for name := range schema.Properties {
		_, there := values[name]
		assert.Check(t, there, "%s is in the schema and has no default", name)
	}
	assert.Check(t, cmp.Len(values, len(schema.Properties)))
}

func TestTheChartIsPackaged(t *testing.T) {
	packages, err := filepath.Glob(filepath.Join(root, "dist/oras-operator-*.tgz"))
	assert.NilError(t, err)
	assert.Assert(t, cmp.Len(packages, 1))
	listed := icmd.RunCommand("tar", "--list", "--file", packages[0])
	listed.Assert(t, icmd.Success)
	for _, name := range []string{"Chart.yaml", "README.md", "values.schema.json", "templates/NOTES.txt", "templates/apps_v1_deployment_oras-operator.yaml"} {
		assert.Check(t, strings.Contains(listed.Stdout(), "oras-operator/"+name+"\n"), name)
	}
}
