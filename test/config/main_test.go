// Package config holds what config/ installs, by kustomize and by Helm, against each other and against the operator.
package config

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const root = "../.."

// TestMain has the chart and the manifests made: what is tested is what is installed.
func TestMain(m *testing.M) {
	chart := exec.Command("make", "--no-print-directory", "chart")
	chart.Dir = root
	if out, err := chart.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "making the chart: %v\n%s", err, out)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// objects are those of one installation, by kind, namespace and name.
type objects map[string]*unstructured.Unstructured

// get returns the object of that kind and name, whose namespace does not matter, decoded into one of its type.
func get[T any](t *testing.T, all objects, kind, name string) *T {
	t.Helper()
	for id, o := range all {
		if strings.HasPrefix(id, kind+" ") && o.GetName() == name {
			var typed T
			raw, err := yaml.Marshal(o.Object)
			assert.NilError(t, err)
			assert.NilError(t, yaml.UnmarshalStrict(raw, &typed))
			return &typed
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

// manifests returns what a kustomization makes: default, or the name of an overlay.
func manifests(t *testing.T, kustomization string) objects {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "dist/manifests", kustomization, "*.yaml"))
	assert.NilError(t, err)
	assert.Assert(t, len(files) > 10, "%v", files)
	all := objects{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		assert.NilError(t, err)
		all.add(t, raw)
	}
	return all
}

// helmPackage is where the Makefile says which Helm this project is tested with.
var helmPackage = regexp.MustCompile(`(?m)^HELM\s*=\s*go run (\S+)$`)

// helm runs `helm template` of the chart and returns its result.
func helm(t *testing.T, namespace string, args ...string) *icmd.Result {
	t.Helper()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	assert.NilError(t, err)
	version := helmPackage.FindSubmatch(makefile)
	assert.Assert(t, version != nil, "the Makefile does not say which Helm to run")
	return icmd.RunCommand("go", append([]string{
		"run", string(version[1]), "template", "release", filepath.Join(root, "dist/chart/oras-operator"), "--namespace", namespace,
		"--kube-version", "1.29.0", // else what Helm takes for the usual, which depends on how it is built
	}, args...)...)
}

// chart returns what the chart installs.
func chart(t *testing.T, namespace string, args ...string) objects {
	t.Helper()
	result := helm(t, namespace, args...)
	result.Assert(t, icmd.Success)
	all := objects{}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(result.Stdout())))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		assert.NilError(t, err)
		if len(bytes.TrimSpace(document)) > 0 {
			all.add(t, document)
		}
	}
}

func (all objects) add(t *testing.T, raw []byte) {
	t.Helper()
	var o unstructured.Unstructured
	assert.NilError(t, yaml.UnmarshalStrict(raw, &o.Object))
	id := fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName())
	assert.Assert(t, all[id] == nil, "%s is there twice", id)
	assert.Assert(t, o.GetKind() != "" && o.GetName() != "", "%s", raw)
	all[id] = &o
}
