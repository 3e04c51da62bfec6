package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/registry"
)

// What the controller writes for each of its cases, the registry reads.
func TestTheRegistryKnowsEverySettingThatTheControllerWrites(t *testing.T) {
	cases, err := filepath.Glob("../../pkg/controller/testdata/*/objects.yaml")
	assert.NilError(t, err)
	read := 0
	for _, path := range cases {
		objects, err := os.ReadFile(path)
		assert.NilError(t, err)
		for document := range strings.SplitSeq(string(objects), "---\n") {
			var object corev1.ConfigMap
			assert.NilError(t, yaml.Unmarshal([]byte(document), &object))
			settings, ok := object.Data["config.yaml"]
			if object.Kind != "ConfigMap" || !ok {
				continue
			}
			file := filepath.Join(t.TempDir(), "config.yaml")
			assert.NilError(t, os.WriteFile(file, []byte(settings), 0o600))
			cfg, err := registry.ReadConfig(file)
			assert.NilError(t, err, path)
			assert.NilError(t, cfg.Storage.Validate(), path)
			assert.NilError(t, cfg.Access.Validate(), path)
			assert.NilError(t, cfg.Collect.Validate(), path)
			read++
		}
	}
	assert.Assert(t, read > 5, "%d files of settings", read)
}
