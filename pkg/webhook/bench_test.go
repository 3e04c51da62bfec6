package webhook

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"
)

// What one call costs, as the API server makes it.
func BenchmarkAPodBecomesAStep(b *testing.B) {
	for name, file := range map[string]string{"new": "input.yaml", "injected": "golden.yaml"} {
		b.Run(name, func(b *testing.B) {
			hook := &admission.Webhook{Handler: admission.HandlerFunc(mutator().handlePod)}
			body := reviewOf(b, filepath.Join(testdata, "the-smallest-step", file))
			b.ReportAllocs()
			for b.Loop() {
				req := httptest.NewRequest(http.MethodPost, podPath, bytes.NewReader(body))
				req.Header.Set("Content-Type", "application/json")
				res := httptest.NewRecorder()
				hook.ServeHTTP(res, req)
				if res.Code != http.StatusOK {
					b.Fatal(res.Body)
				}
			}
		})
	}
}

func reviewOf(b *testing.B, file string) []byte {
	b.Helper()
	data, err := os.ReadFile(file)
	assert.NilError(b, err)
	var pod corev1.Pod
	assert.NilError(b, yaml.Unmarshal(data, &pod))
	raw, err := json.Marshal(pod)
	assert.NilError(b, err)
	review, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "1", Operation: admissionv1.Create, Namespace: "default", Object: runtime.RawExtension{Raw: raw},
		},
	})
	assert.NilError(b, err)
	return review
}
