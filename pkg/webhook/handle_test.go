package webhook

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// testdata is that of package inject: what the pure function does, the webhook does.
const testdata = "../inject/testdata"

func mutator() Mutator {
	return Mutator{
		SidecarImage: "sidecar:test",
		FindCache: func(_ context.Context, namespace, name string) (plan.Endpoint, []string, error) {
			cache := v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: caches()[name]}
			return plan.OfCache(&cache), nil, nil
		},
		FindCommand: func(_ context.Context, _ string, _ corev1.PodSpec, image string) inject.ImageCommand {
			return images()[image]
		},
	}
}

// caches are the specs of the OrasCaches of the cases.
func caches() map[string]v1alpha1.OrasCacheSpec { return known[v1alpha1.OrasCacheSpec]("caches.yaml") }

// images is what the images of the cases run.
func images() map[string]inject.ImageCommand { return known[inject.ImageCommand]("images.yaml") }

// known reads what the cases have in common.
func known[T any](file string) map[string]T {
	data, err := os.ReadFile(filepath.Join(testdata, file))
	if err != nil {
		panic(err)
	}
	var all map[string]T
	if err := yaml.UnmarshalStrict(data, &all); err != nil {
		panic(err)
	}
	return all
}

// send is what the API server does: the answer is whole, with its patch encoded.
func send(t *testing.T, handle admission.HandlerFunc, op admissionv1.Operation, raw, old []byte) admission.Response {
	t.Helper()
	hook := &admission.Webhook{Handler: handle}
	return hook.Handle(t.Context(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		UID: "1", Operation: op, Namespace: "default",
		Object: runtime.RawExtension{Raw: raw}, OldObject: runtime.RawExtension{Raw: old},
	}})
}

func patch(t *testing.T, raw []byte, res admission.Response) []byte {
	t.Helper()
	if len(res.Patches) == 0 {
		return raw
	}
	ops, err := jsonpatch.DecodePatch(res.Patch)
	assert.NilError(t, err)
	patched, err := ops.Apply(raw)
	assert.NilError(t, err)
	return patched
}

func goldens(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(testdata + "/*/golden.yaml")
	assert.NilError(t, err)
	assert.Assert(t, len(files) > 0)
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = filepath.Base(filepath.Dir(file))
	}
	return names
}

func toJSON(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	assert.NilError(t, err)
	raw, err := yaml.YAMLToJSON(data)
	assert.NilError(t, err)
	return raw
}
