package webhook

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/go-logr/logr"
	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

func TestADecisionIsLoggedWithTheOwner(t *testing.T) {
	yes := true
	for name, tc := range map[string]struct {
		owners []metav1.OwnerReference
		want   string
	}{
		"of a controller": {[]metav1.OwnerReference{{Kind: "Job", Name: "sweep", Controller: &yes}}, "Job/sweep"},
		"of none":         {[]metav1.OwnerReference{{Kind: "Workflow", Name: "w"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			raw := encode(t, corev1.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: tc.owners}})
			var out bytes.Buffer
			ctx := log.IntoContext(t.Context(), logr.FromSlogHandler(slog.NewJSONHandler(&out, nil)))
			mutator().answer(ctx, podPath, "this pod", raw, []byte(`{}`), nil, nil)
			var line struct{ Owner *string }
			assert.NilError(t, json.Unmarshal(out.Bytes(), &line), out.String())
			assert.DeepEqual(t, line.Owner, &tc.want)
			out.Reset()
			mutator().answer(ctx, podPath, "this pod", raw, raw, nil, nil)
			assert.Equal(t, out.String(), "")
		})
	}
}
