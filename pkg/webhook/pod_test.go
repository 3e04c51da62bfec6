package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

func TestPodsBecomeWhatTheGoldenManifestsSay(t *testing.T) {
	for _, name := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			raw := sprinkle(t, toJSON(t, filepath.Join(testdata, name, "input.yaml")))
			res := send(t, mutator().handlePod, admissionv1.Create, raw, nil)
			assert.Assert(t, res.Allowed, "%v", res.Result)
			patched := patch(t, raw, res)
			var got, want corev1.Pod
			assert.NilError(t, json.Unmarshal(patched, &got))
			assert.NilError(t, json.Unmarshal(toJSON(t, filepath.Join(testdata, name, "golden.yaml")), &want))
			assert.DeepEqual(t, got, want)
			assertSprinkled(t, raw, patched)

			again := send(t, mutator().handlePod, admissionv1.Create, patched, nil)
			assert.Assert(t, again.Allowed)
			assert.Equal(t, len(again.Patches), 0, "an injected pod is patched: %v", again.Patches)
		})
	}
}

func TestDenialsListEveryReason(t *testing.T) {
	inputs, err := filepath.Glob(testdata + "/denied-*/input.yaml")
	assert.NilError(t, err)
	assert.Assert(t, len(inputs) > 0)
	for _, input := range inputs {
		t.Run(filepath.Base(filepath.Dir(input)), func(t *testing.T) {
			res := send(t, mutator().handlePod, admissionv1.Create, toJSON(t, input), nil)
			assert.Assert(t, !res.Allowed)
			assert.Equal(t, res.Result.Code, int32(http.StatusForbidden))
			reasons, err := os.ReadFile(filepath.Join(filepath.Dir(input), "error.txt"))
			assert.NilError(t, err)
			for reason := range strings.Lines(string(reasons)) {
				assert.Assert(t, strings.Contains(res.Result.Message, strings.TrimSpace(reason)), res.Result.Message)
			}
			assert.Assert(t, strings.HasPrefix(res.Result.Message, "this pod cannot be a step of a workflow:"))
		})
	}
}

func TestPodsThatAreNotOursAreLeftAlone(t *testing.T) {
	cases := map[string]string{
		"no keys":                 `{"metadata":{"labels":{"app":"x"}},"spec":{"containers":[{"name":"a"},{"name":"b"}]}}`,
		"only what we have wrote": `{"metadata":{"labels":{"oras.converged-computing.github.io/injected":"true"}},"spec":{"containers":[{"name":"a"}]}}`,
	}
	for name, raw := range cases {
		t.Run(name, func(t *testing.T) {
			res := send(t, mutator().handlePod, admissionv1.Create, []byte(raw), nil)
			assert.Assert(t, res.Allowed)
			assert.Equal(t, len(res.Patches)+len(res.Warnings), 0)
		})
	}
}

func TestAnOrasCacheThatCannotBeUsed(t *testing.T) {
	raw := toJSON(t, filepath.Join(testdata, "the-smallest-step", "input.yaml"))
	cases := map[string]struct {
		find FindCache
		code int32
		want string
	}{
		"is denied with the remedy": {
			find: func(context.Context, string, string) (plan.Endpoint, []string, error) {
				return plan.Endpoint{}, nil, refused(errors.New("oras-cache: there is none; create it"))
			},
			code: http.StatusForbidden,
			want: "this pod cannot be a step of a workflow: oras-cache: there is none; create it",
		},
		"is an error of the server's where it cannot be looked up": {
			find: func(context.Context, string, string) (plan.Endpoint, []string, error) {
				return plan.Endpoint{}, nil, errors.New("looking up OrasCache: timeout")
			},
			code: http.StatusInternalServerError,
			want: "looking up OrasCache: timeout",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m := mutator()
			m.FindCache = tc.find
			res := send(t, m.handlePod, admissionv1.Create, raw, nil)
			assert.Assert(t, !res.Allowed)
			assert.Equal(t, res.Result.Code, tc.code)
			assert.Equal(t, res.Result.Message, tc.want)
		})
	}
}

// A person mends everything at once: what the pod lacks, and what the namespace lacks.
func TestAMissingOrasCacheIsToldBesideOtherMistakes(t *testing.T) {
	m := mutator()
	m.FindCache = finder{cached: reader(t), live: reader(t)}.find
	res := send(t, m.handlePod, admissionv1.Create, toJSON(t, filepath.Join(testdata, "denied-no-command", "input.yaml")), nil)
	assert.Assert(t, !res.Allowed)
	assert.Assert(t, strings.Contains(res.Result.Message, "\n- oras-cache: there is no OrasCache"), res.Result.Message)
	assert.Assert(t, strings.Contains(res.Result.Message, "\n- container \"app\" has no command"), res.Result.Message)
}

func TestAPodThatWasInjectedForAnotherNamespaceIsWarnedOf(t *testing.T) {
	raw := toJSON(t, filepath.Join(testdata, "the-smallest-step", "golden.yaml"))
	_, warnings, err := mutator().Pod(t.Context(), raw, "team")
	assert.NilError(t, err)
	assert.DeepEqual(t, warnings, []string{`oras-cache: the pod was injected for another namespace than "team", and uses the registry there, oras.default.svc:5000; ` +
		"create it from a manifest that was not injected, or have operator inject --namespace=team do it"})
	_, warnings, err = mutator().Pod(t.Context(), raw, "default")
	assert.NilError(t, err)
	assert.Equal(t, len(warnings), 0)
}

// Nobody sees in an exported manifest by what its sidecar means to be let in.
func TestWhatWasInjectedBeforeItsOrasCacheChangedIsWarnedOf(t *testing.T) {
	const want = `oras-cache: the pod was injected before %s of OrasCache "oras" changed, and will not reach the registry or not be let in; create it from a manifest that was not injected`
	for name, tc := range map[string]struct {
		was  string // the golden pod
		spec v1alpha1.OrasCacheSpec
		want string // the fields
	}{
		"nothing changed":                 {was: "the-smallest-step"},
		"users are asked for":             {"the-smallest-step", v1alpha1.OrasCacheSpec{Auth: v1alpha1.AuthHtpasswd}, "spec.auth"},
		"tokens are asked for":            {"the-smallest-step", v1alpha1.OrasCacheSpec{Auth: v1alpha1.AuthServiceAccount}, "spec.auth"},
		"HTTPS is spoken":                 {"the-smallest-step", v1alpha1.OrasCacheSpec{TLS: v1alpha1.TLSSpec{Enabled: true}}, "spec.tls"},
		"it is elsewhere":                 {"the-smallest-step", v1alpha1.OrasCacheSpec{Service: v1alpha1.ServiceSpec{Name: "other"}}, "spec.service.name"},
		"tokens are not asked for longer": {"a-token-of-the-pods-service-account", v1alpha1.OrasCacheSpec{}, ""},
		"passwords instead of tokens":     {"a-token-of-the-pods-service-account", v1alpha1.OrasCacheSpec{Auth: v1alpha1.AuthHtpasswd}, "spec.auth"},
		"HTTP and no tokens":              {"a-token-for-a-registry-with-tls", v1alpha1.OrasCacheSpec{}, "spec.tls"},
	} {
		t.Run(name, func(t *testing.T) {
			m := mutator()
			m.FindCache = func(_ context.Context, namespace, name string) (plan.Endpoint, []string, error) {
				cache := v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: tc.spec}
				return plan.OfCache(&cache), []string{"is not ready"}, nil
			}
			raw := toJSON(t, filepath.Join(testdata, tc.was, "golden.yaml"))
			var pod corev1.Pod
			assert.NilError(t, json.Unmarshal(raw, &pod))
			cache, _, _ := plan.Parse(metadata(pod.ObjectMeta))
			for where, check := range map[string]func() ([]string, error){
				"": func() ([]string, error) {
					_, warnings, err := m.Pod(t.Context(), raw, "default")
					return warnings, err
				},
				"spec.template: ": func() ([]string, error) {
					deployment := map[string]any{"kind": "Deployment", "spec": map[string]any{"template": pod}}
					return m.checkTemplates(t.Context(), encode(t, deployment), "default")
				},
			} {
				warnings, err := check()
				assert.NilError(t, err)
				if tc.want == "" {
					assert.Equal(t, len(warnings), 0, "%v", warnings)
					continue
				}
				assert.DeepEqual(t, warnings, []string{where + strings.ReplaceAll(fmt.Sprintf(want, tc.want), `"oras"`, strconv.Quote(cache.Cache))})
			}
		})
	}
}

// An exported manifest holds what was injected, which nobody sees who edits the keys.
func TestKeysOfAnInjectedPodThatWereChangedAreWarnedOf(t *testing.T) {
	const key = "oras.converged-computing.github.io/output-uri"
	for value, want := range map[string]string{
		"other": "output-uri: changed in a pod that was injected before, and does what it said then; create it from a manifest that was not injected",
		"Upper": "the pod was injected before its keys were changed, and does what they said then: output-uri: \"Upper\" is no artifact: " +
			"a repository has lower case letters and digits, with '.', '_', '-' or '/' between them, such as team/step-1",
	} {
		var pod corev1.Pod
		assert.NilError(t, json.Unmarshal(toJSON(t, filepath.Join(testdata, "the-smallest-step", "golden.yaml")), &pod))
		pod.Labels[key] = value
		res := send(t, mutator().handlePod, admissionv1.Create, encode(t, pod), nil)
		assert.Assert(t, res.Allowed)
		assert.Equal(t, len(res.Patches), 0)
		assert.DeepEqual(t, res.Warnings, []string{want})
	}
}

func TestTheRequestsNamespaceIsThePods(t *testing.T) {
	var asked string
	m := mutator()
	m.FindCache = func(_ context.Context, namespace, name string) (plan.Endpoint, []string, error) {
		asked = namespace + "/" + name
		return plan.Endpoint{Host: "r"}, []string{"not ready"}, nil
	}
	res := send(t, m.handlePod, admissionv1.Create, toJSON(t, filepath.Join(testdata, "the-smallest-step", "input.yaml")), nil)
	assert.Assert(t, res.Allowed)
	assert.Equal(t, asked, "default/oras")
	assert.DeepEqual(t, res.Warnings, []string{"not ready"})
}

func TestWhatIsNoPodIsABadRequest(t *testing.T) {
	for name, handle := range map[string]admission.HandlerFunc{"pod": mutator().handlePod, "job": mutator().handleJob} {
		t.Run(name, func(t *testing.T) {
			res := send(t, handle, admissionv1.Create, []byte(`{"spec":7}`), nil)
			assert.Assert(t, !res.Allowed)
			assert.Equal(t, res.Result.Code, int32(http.StatusBadRequest))
		})
	}
}
