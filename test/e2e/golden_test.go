//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What the operator makes of pods and Jobs in unit tests is what the API server takes, of every version. What an old one does not
// take of the pod itself, without its keys, is not the operator's. No other test runs meanwhile: one has JobSet's webhooks, which
// hold pods of JobSets back as they come and go.
func TestTheAPIServerTakesEveryGoldenManifest(t *testing.T) {
	c := connect(t)
	ns := c.namespace(t, nil)
	var files []string
	for _, testdata := range []string{"../../pkg/inject/testdata", "../../pkg/webhook/testdata"} {
		found, err := filepath.Glob(testdata + "/*/golden.yaml")
		assert.NilError(t, err)
		assert.Assert(t, len(found) > 0)
		files = append(files, found...)
	}
	tooNew := 0
	for _, file := range files {
		err := c.try(t, manifest(t, file, ns))
		if err == nil {
			continue
		}
		plain := manifest(t, filepath.Join(filepath.Dir(file), "input.yaml"), ns)
		plain.SetLabels(nil)
		plain.SetAnnotations(nil)
		if own := c.try(t, plain); own != nil && apierrors.IsInvalid(own) {
			tooNew++
			continue
		}
		t.Errorf("%s: %v", filepath.Base(filepath.Dir(file)), err)
	}
	assert.Assert(t, tooNew <= 1, "%d of %d", tooNew, len(files))
}

func manifest(t *testing.T, file, ns string) client.Object {
	t.Helper()
	data, err := os.ReadFile(file)
	assert.NilError(t, err)
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(data, nil, nil)
	assert.NilError(t, err)
	found, ok := object.(client.Object)
	assert.Assert(t, ok)
	found.SetNamespace(ns)
	return found
}
